"""Models on this machine: what names mean (`catalog`), where files lie (`store`), which are here (`library`).

`gguf_header` says what a file is and `memory` what it needs. Nothing here touches the network: that is `marco_cli.hub`.
"""

from marco_cli.models.library import LocatedModel, find_installed, installed, locate

__all__ = ["LocatedModel", "find_installed", "installed", "locate"]
