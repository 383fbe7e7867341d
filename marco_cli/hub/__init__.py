"""Fetching models: what the hub has (`client`), one file over the network (`download`), a whole model (`pull`)."""
