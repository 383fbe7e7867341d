"""How often is a letter in a word? Generated from a seed; the target is counted, so it is always right.

`--draw` is the seed, `--limit` the number of items (200 unless given), `--lang` en, zh or both: the same words and letters.
The words are not those that marco-nano was trained on, so both kinds of model meet them fresh.
"""

import random
from itertools import product

from marco_cli.errors import ConfigError
from marco_cli.evals.base import DataSet, Item, Selection

DEFAULT_COUNT = 200

TEMPLATES = {"en": "How many {letter}'s are in {word}?", "zh": "{word} 里有几个字母 {letter}？"}  # noqa: RUF001

WORDS = tuple(
    """
    strawberry abbreviation accommodate acknowledge aggressive alligator ambassador anniversary appreciate
    architect arithmetic assessment astronaut atmosphere attachment avalanche barbecue billionaire bookkeeper
    boomerang bulletin bureaucracy caterpillar cauliflower chandelier chrysanthemum cinnamon coincidence
    commitment compassion connoisseur conscience correspond courageous curriculum dandelion deceive definitely
    dilemma disappear discipline eccentric effervescent electricity encyclopedia entrepreneur environment
    exaggerate excellence existence extraordinary fahrenheit fluorescent foreigner gazelle gooseberry
    grasslands guarantee harass headquarters hippopotamus hummingbird hypocrisy immediately independent
    indispensable infrastructure intelligence intermittent irresistible jellyfish kindergarten laboratory
    lieutenant maintenance mayonnaise millennium miscellaneous mischievous mosaic mozzarella narrator
    nightingale nutritious obsession omelette opossum orchestra pantomime parliament peppermint perseverance
    pharmaceutical phenomenon pomegranate privilege pronunciation psychology questionnaire receive reference
    rehearsal rhinoceros rhythm sacrilegious saxophone schedule secretary separate silhouette successful
    supersede surveillance threshold transparent ukulele unnecessary vaccination vacuum vegetarian vinegar
    watermelon whippersnapper wilderness xylophone zucchini
    """.split()  # noqa: SIM905 (hundreds of quotes say nothing)
)


def load(selection: Selection) -> DataSet:
    """Return freshly drawn items, the same for the same seed, limit and languages."""
    for lang in selection.langs:
        if lang not in TEMPLATES:
            raise ConfigError(f"letters has no language {lang!r}, expected en or zh")
    pairs = draw(selection.draw, selection.limit or DEFAULT_COUNT)
    items = [
        Item(
            id=f"letters-{lang}-{word}-{letter}",
            question=TEMPLATES[lang].format(word=word, letter=letter),
            target=str(word.count(letter)),
            scorer="number",
            lang=lang,
            group=f"{len(word) // 5 * 5}-{len(word) // 5 * 5 + 4} letters",
        )
        for lang, (word, letter) in product(selection.langs, pairs)
    ]
    return DataSet(name="letters", items=tuple(items), source=f"generated, draw {selection.draw}")


def draw(seed: int, count: int) -> list[tuple[str, str]]:
    """Draw words and letters, all different; letters that are repeated come up most, one in eight may be absent."""
    rng = random.Random(seed)  # noqa: S311 (a reproducible choice)
    most = len(WORDS) * 26
    if count > most:
        raise ConfigError(f"limit is {count}, but letters has {most} items at most")
    pairs: dict[tuple[str, str], None] = {}
    while len(pairs) < count:
        word = rng.choice(WORDS)
        repeated = sorted({letter for letter in word if word.count(letter) > 1})
        fate = rng.random()
        letters = (
            "abcdefghijklmnopqrstuvwxyz" if fate < 1 / 8 or len(pairs) > most // 2 else repeated if fate < 0.7 else word
        )
        pairs.setdefault((word, rng.choice(letters or word)))
    return list(pairs)
