"""Rewards: from a finished path to a value in [0, 1].

Only the literal table lives here. A reward is `module:function`; the function takes the `Evidence` on one reply.
"""

from types import MappingProxyType
from typing import Final

REWARDS: Final = MappingProxyType(
    {
        "confidence": "marco_cli.reward.confidence:mean_confidence",
        "agreement": "marco_cli.reward.agreement:agreement",
        "agree": "marco_cli.reward.agreement:confidence_and_agreement",
        "checked": "marco_cli.reward.agreement:checked",
        "process": "marco_cli.reward.process_reward:process",
    }
)
"""Name on the command line → where the reward is."""
