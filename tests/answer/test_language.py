import pytest
from tables import table

from marco_cli.answer import extract
from marco_cli.answer.language import LANGUAGES, told

# What models write in the eleven languages where the answer is 70 000.
THOUSANDS = {
    "bn": ["উত্তর: ৭০,০০০", "উত্তর হল ৭০০০০।", "**উত্তর:** ৭০০০০", "সঠিক উত্তর হবে ৭০,০০০।", "অতএব, উত্তর ৭০ হাজার ডলার।", "তিনি ৭০,০০০ ডলার লাভ করেছেন।"],
    "de": ["Die Antwort ist 70.000.", "**Antwort:** 70.000 $", "Die Antwort lautet: 70.000 Euro.", "Endergebnis: 70 000", "Die Antwort ist 70'000.", "Er verdient insgesamt 70.000 Dollar.", "Die Lösung ist 70.000,00 €."],
    "en": ["The answer is 70,000.", "**Final Answer: $70,000**", "So 70,000 is the answer.", "The answer: 70 thousand", "= $70,000"],
    "es": ["La respuesta es 70.000.", "Respuesta final: **70.000**", "Por lo tanto, la respuesta es $70,000.", "La respuesta correcta es 70 000 dólares.", "Él gana 70.000 dólares en total."],
    "fr": ["La réponse est 70 000.", "**Réponse :** 70\u202f000 dollars", "La réponse finale est donc : 70000", "Le résultat est 70 000,00 €.", "Il gagne 70 000 $."],
    "ja": ["答えは70,000です。", "**答え：70,000ドル**", "よって、答えは7万ドルです。", "正解は70000です。", "彼は70,000ドルの利益を得ました。"],
    "ru": ["Ответ: 70 000", "Ответ — 70 000 долларов.", "Ответ равен 70000.", "Ответ: 70 тысяч долларов", "Итак, он заработал 70 000 долларов."],
    "sw": ["Jibu ni 70,000.", "**Jibu:** 70000", "Jibu la mwisho ni dola 70,000.", "Jibu ni elfu 70."],
    "te": ["సమాధానం: 70,000", "కాబట్టి, సమాధానం 70,000 డాలర్లు.", "**సమాధానం:** 70000", "సమాధానం 70 వేలు."],
    "th": ["คำตอบคือ 70,000", "**คำตอบ:** 70000", "คำตอบคือ ๗๐,๐๐๐", "ตอบ 70,000 ดอลลาร์", "เขามีกำไร 7 หมื่นดอลลาร์"],
    "zh": ["答案是70,000。", "**最终答案：70000**", "因此，答案是 7万 美元。", "他赚了70,000美元。"],
}  # fmt: skip
OTHERS = [
    ("Die Antwort ist 2,5 Stunden.", "2.5"),
    ("Die Antwort ist 0,125.", "0.125"),
    ("Die Antwort ist 2.125.", "2125"),
    ("Die Antwort ist 1.234.567,89.", "1234567.89"),
    ("La respuesta es 2,125.", "2125"),
    ("La réponse est 1 234,5.", "1234.5"),
    ("La respuesta es 2,5.", "2.5"),
    ("La réponse est 2,5 heures.", "2.5"),
    ("Ответ: 2,5", "2.5"),
    ("Die Antwort ist 0.5.", "0.5"),
    ("The answer is 70.000.", "70"),
    ("La réponse est -5.", "-5"),
    ("La respuesta es menos 5.", "-5"),
    ("Ответ: −5", "-5"),
    ("Ответ: минус 5", "-5"),
    ("答えはマイナス5です。", "-5"),
    ("উত্তর: -৫", "-5"),
    ("คำตอบ: ลบ 5", "-5"),
    ("సమాధానం -5", "-5"),
    ("Jibu ni hasi 5.", "-5"),
    ("Die Antwort ist 25 Prozent.", "25%"),
    ("La respuesta es 25 por ciento.", "25%"),
    ("La réponse est 25 %.", "25%"),
    ("Ответ: 25 процентов", "25%"),
    ("答えは25パーセントです。", "25%"),
    ("উত্তর: ২৫ শতাংশ", "25%"),
    ("సమాధానం: 25 శాతం", "25%"),
    ("คำตอบคือ ร้อยละ 25", "25%"),
    ("Jibu ni asilimia 25.", "25%"),
    ("Die Antwort ist 2 Millionen.", "2000000"),
    ("Ответ: 1,5 млн рублей", "1500000"),
    ("答えは三です。", "3"),
    ("Also kostet es 12,50 € + 7,50 € = 20,00 €.", "20"),
    ("Итого: 1 250 + 750 = 2 000 рублей.", "2000"),
    ("Respuesta: 2.500,75", "2500.75"),
    ("Entonces, gastó $1,250.50 en total.", "1250.5"),
]


@pytest.mark.parametrize(("lang", "output"), [(lang, text) for lang, texts in THOUSANDS.items() for text in texts])
@pytest.mark.parametrize("is_told", [False, True])
def test_numbers_are_read_as_their_language_writes_them(lang: str, output: str, is_told: bool) -> None:
    """Announced or not, with the language of the question known or not, and where a number is wanted or anything."""
    found = extract(output, lang=lang, prefer="number") if is_told else extract(output)

    assert found is not None
    assert (found.kind, found.canonical) == ("number", "70000")


@table(OTHERS)
def test_decimals_signs_and_words_of_a_language_belong_to_its_numbers(output: str, canonical: str) -> None:
    """A comma is a point where the language says so; words for minus, per cent and millions count."""
    found = extract(output)

    assert found is not None
    assert (found.kind, found.canonical) == ("number", canonical)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_language_is_told_by_its_own_words(lang: str) -> None:
    """All but the shortest texts say which language they are in; digits do not."""
    assert told(THOUSANDS[lang][0]) == lang
    assert told("70.000") == ""


@table(["Die Antwort ist B.", "La respuesta es B.", "Ответ: B", "答えはBです。", "Jibu ni B.", "คำตอบคือ B"])
def test_a_choice_is_read_in_every_language(output: str) -> None:
    """The word for "answer" announces letters, too."""
    found = extract(output)

    assert found is not None
    assert (found.kind, found.canonical) == ("choice", "B")
