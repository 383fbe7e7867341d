"""Settings: what there is to set (`settings`), and where each value comes from (`layers`)."""
