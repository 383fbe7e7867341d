r"""The problems of `marco eval code` and `marco eval code-text`: small Python functions with tests, written for this project.

    python benchmarks/code_problems.py        # writes marco_cli/evals/sets/code.jsonl and code-text.jsonl

A problem is a description, a solution and calls. What a call must return is what the solution returns, so the tests are right as far
as the solution is. `tests` are what a check may see; `hidden` are further calls that only the scorer knows: a function that passes
the first and fails the second was called right without being so.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

SETS = Path(__file__).parents[1] / "marco_cli" / "evals" / "sets"
ASKED = "Write a Python function `{signature}` that {what}. Answer with one code block that holds the function and nothing else."


class Problem(NamedTuple):
    """A function that is asked for."""

    signature: str
    what: str
    solution: Callable[..., Any]
    seen: list[tuple[Any, ...]]
    hidden: list[tuple[Any, ...]]


def _digit_sum(n: int) -> int:
    return sum(map(int, str(abs(n))))


def _second_largest(numbers: list[int]) -> int | None:
    distinct = sorted(set(numbers))
    return distinct[-2] if len(distinct) > 1 else None


def _running_max(numbers: list[int]) -> list[int]:
    return [max(numbers[: i + 1]) for i in range(len(numbers))]


def _is_prime(n: int) -> bool:
    return n > 1 and all(n % d for d in range(2, int(n**0.5) + 1))


def _gcd(a: int, b: int) -> int:
    while b:
        a, b = b, a % b
    return abs(a)


def _rotate(items: list[Any], k: int) -> list[Any]:
    k = k % len(items) if items else 0
    return items[-k:] + items[:-k] if k else list(items)


def _chunks(items: list[Any], size: int) -> list[list[Any]]:
    return [items[i : i + size] for i in range(0, len(items), size)]


def _flatten(nested: Any) -> list[Any]:
    return [leaf for each in nested for leaf in (_flatten(each) if isinstance(each, list) else [each])]


def _merge(a: list[int], b: list[int]) -> list[int]:
    return sorted(a + b)


def _collatz(n: int) -> int:
    steps = 0
    while n != 1:
        n, steps = (n // 2 if n % 2 == 0 else 3 * n + 1), steps + 1
    return steps


def _balance(numbers: list[int]) -> int:
    return next((i for i in range(len(numbers)) if sum(numbers[:i]) == sum(numbers[i + 1 :])), -1)


def _longest_rise(numbers: list[int]) -> int:
    best = length = 0
    for i, number in enumerate(numbers):
        length = length + 1 if i and number > numbers[i - 1] else 1
        best = max(best, length)
    return best


def _best_sum(numbers: list[int]) -> int:
    return max(sum(numbers[i:j]) for i in range(len(numbers)) for j in range(i + 1, len(numbers) + 1))


def _change(amount: int, coins: list[int]) -> int:
    best = [0] + [-1] * amount
    for total in range(1, amount + 1):
        ways = [best[total - coin] for coin in coins if coin <= total and best[total - coin] >= 0]
        best[total] = min(ways) + 1 if ways else -1
    return best[amount]


def _transpose(rows: list[list[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _spiral(rows: list[list[int]]) -> list[int]:
    rows, found = [list(row) for row in rows], []
    while rows:
        found += rows.pop(0)
        rows = [list(row) for row in zip(*rows, strict=True)][::-1]
    return found


def _median(numbers: list[float]) -> float:
    ordered, half = sorted(numbers), len(numbers) // 2
    return ordered[half] if len(numbers) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _modes(numbers: list[int]) -> list[int]:
    most = max(map(numbers.count, numbers), default=0)
    return sorted({number for number in numbers if numbers.count(number) == most})


def _pairs(numbers: list[int], target: int) -> int:
    return sum(numbers[i] + numbers[j] == target for i in range(len(numbers)) for j in range(i))


def _overlap(intervals: list[list[int]]) -> list[list[int]]:
    merged: list[list[int]] = []
    for low, high in sorted(intervals):
        if merged and low <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], high)
        else:
            merged.append([low, high])
    return merged


def _base(n: int, base: int) -> str:
    digits = ""
    while n:
        n, digit = divmod(n, base)
        digits = "0123456789abcdef"[digit] + digits
    return digits or "0"


def _factors(n: int) -> list[int]:
    found, d = [], 2
    while n > 1:
        while n % d == 0:
            found.append(d)
            n //= d
        d += 1
    return found


def _missing(numbers: list[int]) -> int:
    return next(n for n in range(1, len(numbers) + 2) if n not in numbers)


def _compress(numbers: list[int]) -> list[list[int]]:
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][0] == number:
            runs[-1][1] += 1
        else:
            runs.append([number, 1])
    return runs


def _leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _local_peaks(numbers: list[int]) -> list[int]:
    return [i for i in range(1, len(numbers) - 1) if numbers[i - 1] < numbers[i] > numbers[i + 1]]


NUMBERS = [
    Problem("digit_sum(n)", "returns the sum of the decimal digits of the integer n; the sign of a negative n is ignored", _digit_sum, [(0,), (123,), (-45,)], [(9999,), (-7,), (1000000,), (-908,)]),
    Problem("second_largest(numbers)", "returns the second largest distinct value of a list of integers, or None if there are fewer than two distinct values", _second_largest, [([1, 2, 3],), ([5, 5, 4],), ([7, 7],), ([],)], [([9, 9, 9, 8, 1],), ([-1, -2],), ([3],), ([2, 10, 10],)]),
    Problem("running_max(numbers)", "returns a list of the same length whose item i is the largest of the first i + 1 items of numbers", _running_max, [([1, 3, 2, 5],), ([],), ([-3, -5, -1],)], [([4, 4, 4],), ([9, 1, 10, 2],), ([-1],)]),
    Problem("is_prime(n)", "returns True if the integer n is a prime number, else False", _is_prime, [(2,), (9,), (1,), (13,), (0,)], [(-7,), (25,), (49,), (97,), (121,), (4,)]),
    Problem("gcd(a, b)", "returns the greatest common divisor of two integers of which at most one is 0, without importing anything; it is never negative", _gcd, [(12, 18), (7, 3), (0, 5), (10, 0)], [(100, 75), (17, 17), (-12, 18), (1, 999)]),
    Problem("rotate(items, k)", "returns a new list with the items moved k places to the right, those at the end coming back at the front; k may be larger than the length or negative, and the list may be empty", _rotate, [([1, 2, 3, 4], 1), ([1, 2, 3], 4), ([], 2), ([1, 2, 3], -1)], [([1, 2, 3, 4, 5], 0), ([1, 2], 7), ([1, 2, 3, 4], -5), ([9], 3)]),
    Problem("chunks(items, size)", "splits a list into lists of size items each, of which the last may be shorter", _chunks, [([1, 2, 3, 4, 5], 2), ([], 3), ([1, 2], 5)], [([1, 2, 3, 4], 4), ([1, 2, 3, 4, 5, 6], 3), ([1], 1)]),
    Problem("flatten(nested)", "returns a flat list of all values of a list that may hold further lists, nested to any depth, in order", _flatten, [([1, [2, [3, 4]], 5],), ([],), ([[[]]],)], [([[1], [2, [3, [4, [5]]]]],), (["a", ["b"]],), ([0, [], [0]],)]),
    Problem("merge(a, b)", "merges two ascending lists of integers into one ascending list with all their items", _merge, [([1, 3], [2, 4]), ([], [1]), ([1, 1], [1])], [([5, 6], [1, 2]), ([], []), ([-3, 0, 9], [-4, 9, 10])]),
    Problem("collatz_steps(n)", "returns how many steps it takes to get from the positive integer n to 1, where a step halves an even number and replaces an odd number m by 3m + 1", _collatz, [(1,), (6,), (4,)], [(7,), (27,), (2,), (16,)]),
    Problem("balance_index(numbers)", "returns the first index i such that the items before i have the same sum as the items after i (the item at i counts on neither side), or -1 if there is none", _balance, [([1, 7, 3, 6, 5, 6],), ([1, 2, 3],), ([5],), ([],)], [([2, 1, -1],), ([0, 0, 0],), ([1, -1, 4],), ([3, 1, 2, 1],)]),
    Problem("longest_rise(numbers)", "returns the length of the longest run of consecutive items of which each is larger than the one before; 0 for an empty list", _longest_rise, [([1, 2, 2, 3, 4],), ([],), ([5, 4, 3],)], [([1, 2, 3, 4],), ([7],), ([1, 2, 1, 2, 3, 1],), ([3, 3, 3],)]),
    Problem("best_sum(numbers)", "returns the largest sum of any non-empty run of consecutive items of a non-empty list of integers", _best_sum, [([1, -2, 3, 4],), ([-3, -1, -2],), ([5],)], [([2, -1, 2, -5, 3],), ([-2, 1, -3, 4, -1, 2, 1, -5, 4],), ([0, -1],)]),
    Problem("fewest_coins(amount, coins)", "returns the smallest number of coins that add up to amount, where each value of the list coins may be used any number of times, or -1 if it cannot be done; 0 for amount 0", _change, [(11, [1, 2, 5]), (3, [2]), (0, [1]), (6, [1, 3, 4])], [(27, [2, 5, 10]), (7, [5, 3]), (8, [1, 4, 5]), (1, [5])]),
    Problem("transpose(rows)", "transposes a matrix that is given as a list of rows of equal length, and returns a list of lists", _transpose, [([[1, 2], [3, 4]],), ([[1, 2, 3]],), ([],)], [([[1], [2], [3]],), ([[5]],), ([[1, 2, 3], [4, 5, 6]],)]),
    Problem("spiral(rows)", "returns the numbers of a matrix, given as a list of rows, in clockwise spiral order beginning at the top left", _spiral, [([[1, 2], [4, 3]],), ([[1, 2, 3], [8, 9, 4], [7, 6, 5]],), ([[1, 2, 3], [6, 5, 4]],), ([],)], [([[1, 2, 3]],), ([[1], [2], [3]],), ([[1, 2, 3, 4], [10, 11, 12, 5], [9, 8, 7, 6]],)]),
    Problem("median(numbers)", "returns the median of a non-empty list of numbers, without importing anything: the middle one in order, or the mean of the two in the middle", _median, [([3, 1, 2],), ([4, 1, 3, 2],), ([7],)], [([10, 2],), ([5, 5, 5, 1],), ([9, 1, 8, 2, 7],)]),
    Problem("modes(numbers)", "returns the ascending list of all values that occur most often in a list of integers; an empty list for an empty list", _modes, [([1, 2, 2, 3, 3],), ([],), ([4],), ([9, 9, 8, 8, 1],)], [([5, 5, 1],), ([3, 2, 1],), ([0, 0, -1, -1, 7],)]),
    Problem("count_pairs(numbers, target)", "returns how many pairs of items at different places add up to target; each two places count once", _pairs, [([1, 2, 3, 4], 5), ([1, 1, 1], 2), ([], 0)], [([5], 10), ([0, 0, 0, 0], 0), ([-1, 1, 2, -2], 0), ([3, 4, 5], 100)]),
    Problem("merge_intervals(intervals)", "takes a list of [low, high] intervals in any order and returns them in ascending order with those that overlap or touch merged into one", _overlap, [([[1, 3], [2, 6], [8, 10]],), ([[1, 4], [4, 5]],), ([[1, 9], [2, 3]],), ([[7, 8], [3, 4]],), ([],)], [([[5, 6], [1, 2]],), ([[1, 10], [2, 3], [4, 5]],), ([[6, 8], [1, 9], [2, 4], [10, 11]],)]),
    Problem("to_base(n, base)", "returns the digits of the non-negative integer n in a base from 2 to 16 as a string, with the letters a to f for ten to fifteen", _base, [(10, 2), (255, 16), (0, 7)], [(31, 16), (8, 8), (100, 3), (15, 2)]),
    Problem("prime_factors(n)", "returns the prime factors of the integer n > 0 in ascending order, each as often as it divides n; an empty list for 1", _factors, [(12,), (1,), (13,)], [(100,), (97,), (64,), (45,)]),
    Problem("first_missing(numbers)", "returns the smallest positive integer that is not in a list of integers, which may be unordered and hold duplicates and negative numbers", _missing, [([1, 2, 4],), ([],), ([3, 4, -1, 1],), ([2, 2, 1],)], [([1, 1, 2, 2],), ([2],), ([5, 3, 1, 2, 4],), ([-5, 0],)]),
    Problem("run_lengths(numbers)", "returns a list of [value, count] lists, one for each run of equal consecutive items", _compress, [([1, 1, 2],), ([],), ([3, 3, 3, 1, 3],)], [([7],), ([1, 2, 1, 2],), ([0, 0, 0, 0],)]),
    Problem("is_leap(year)", "returns True for a leap year of the Gregorian calendar, else False", _leap, [(2024,), (1900,), (2000,), (2023,)], [(2100,), (2400,), (1996,), (1,)]),
    Problem("peaks(numbers)", "returns the indices of all items that are larger than both of their neighbours; the first and the last item have only one neighbour and are never peaks", _local_peaks, [([1, 3, 2, 5, 4],), ([1, 2, 3],), ([2, 5, 5, 1],), ([],)], [([0, 1, 0, 1, 0],), ([2, 2, 2],), ([5, 1, 6],), ([1, 4, 4, 1],)]),
]  # fmt: skip


def _vowels(text: str) -> int:
    return sum(letter in "aeiou" for letter in text.lower())


def _palindrome(text: str) -> bool:
    letters = [letter.lower() for letter in text if letter.isalnum()]
    return letters == letters[::-1]


def _caesar(text: str, shift: int) -> str:
    def moved(letter: str) -> str:
        if not ("a" <= letter.lower() <= "z"):
            return letter
        first = ord("a") if letter.islower() else ord("A")
        return chr(first + (ord(letter) - first + shift) % 26)

    return "".join(map(moved, text))


def _word_counts(text: str) -> dict[str, int]:
    words = text.lower().split()
    return {word: words.count(word) for word in words}


def _first_unique(text: str) -> str:
    return next((letter for letter in text if text.count(letter) == 1), "")


def _brackets(text: str) -> bool:
    stack: list[str] = []
    for sign in text:
        if sign in "([{":
            stack.append(sign)
        elif sign in ")]}" and (not stack or stack.pop() + sign not in ("()", "[]", "{}")):
            return False
    return not stack


def _rle(text: str) -> str:
    result, i = "", 0
    while i < len(text):
        j = i
        while j < len(text) and text[j] == text[i]:
            j += 1
        result, i = result + f"{text[i]}{j - i}", j
    return result


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() and i else letter.lower() for i, letter in enumerate(name))


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _anagrams(words: list[str]) -> list[list[str]]:
    groups: dict[str, list[str]] = {}
    for word in words:
        groups.setdefault("".join(sorted(word)), []).append(word)
    return list(groups.values())


def _title(text: str) -> str:
    return " ".join(word[:1].upper() + word[1:].lower() for word in text.split())


def _roman(n: int) -> str:
    signs = ((1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))  # fmt: skip
    text = ""
    for value, sign in signs:
        text, n = text + n // value * sign, n % value
    return text


def _from_roman(text: str) -> int:
    worth = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
    values = [worth[sign] for sign in text]
    return sum(-v if i + 1 < len(values) and v < values[i + 1] else v for i, v in enumerate(values))


def _longest_word(text: str) -> str:
    return max(text.split(), key=len, default="")


def _prefix(words: list[str]) -> str:
    if not words:
        return ""
    first = min(words, key=len)
    return next(first[:n] for n in range(len(first), -1, -1) if all(word.startswith(first[:n]) for word in words))


def _reverse_words(text: str) -> str:
    return " ".join(text.split()[::-1])


def _is_rotation(a: str, b: str) -> bool:
    return len(a) == len(b) and a in b + b


def _parse_time(text: str) -> int:
    hours, minutes, seconds = map(int, text.split(":"))
    return 3600 * hours + 60 * minutes + seconds


def _format_time(seconds: int) -> str:
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _distance(a: str, b: str) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]


def _mask(text: str) -> str:
    return "*" * (len(text) - 4) + text[-4:] if len(text) > 4 else text


def _query(text: str) -> dict[str, str]:
    return {key: value for key, _, value in (part.partition("=") for part in text.split("&") if part)}


def _ordinal(n: int) -> str:
    ending = "th" if 10 <= n % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending}"


def _common_letters(a: str, b: str) -> str:
    return "".join(sorted(set(a) & set(b)))


def _thousands(n: int) -> str:
    return f"{n:,}"


def _no_repeats(text: str) -> int:
    return max(
        (j - i for i in range(len(text)) for j in range(i + 1, len(text) + 1) if len(set(text[i:j])) == j - i),
        default=0,
    )


TEXTS = [
    Problem("count_vowels(text)", "returns how many letters of a text are vowels (a, e, i, o, u, small or capital)", _vowels, [("Hello",), ("",), ("XYZ",), ("AbE",)], [("AEIOU",), ("rhythm",), ("Queue up",)]),
    Problem("is_palindrome(text)", "returns True if a text reads the same backwards when letter case and everything but letters and digits are ignored, else False", _palindrome, [("Never odd or even",), ("abc",), ("",), ("1 2,1",)], [("A man, a plan, a canal: Panama",), ("ab",), ("No 'x' in Nixon",), ("12",)]),
    Problem("caesar(text, shift)", "moves each letter from a to z and A to Z by shift places in the alphabet, round the end if need be, keeps its case, and leaves everything else as it is; shift may be negative", _caesar, [("abc", 1), ("xyz", 3), ("Hi, You!", 2), ("b", -2)], [("Zebra", 1), ("abc", 26), ("abc", -27), ("1 2", 5)]),
    Problem("word_counts(text)", "returns a dict from each word of a text, in lower case, to how often it occurs; words are separated by white space", _word_counts, [("a b A",), ("",), ("to be or not to be",)], [("X  x\ty",), ("one",), ("The the THE end",)]),
    Problem("first_unique(text)", "returns the first character that occurs only once in a text, or an empty string if there is none", _first_unique, [("swiss",), ("aabb",), ("",)], [("z",), ("abcabcd",), ("level",)]),
    Problem("is_balanced(text)", "returns True if all brackets of a text, round, square and curly, are closed in the right order; all other characters are ignored", _brackets, [("(a[b]{c})",), ("(]",), ("((",), ("[)",), ("{[}]",), ("",)], [(")(",), ("{[()]}[]",), ("([)]",), ("no brackets",)]),
    Problem("run_length(text)", "writes each run of equal characters of a text as the character followed by the length of the run, also when that is 1", _rle, [("aaabcc",), ("",), ("z",)], [("aabbaa",), ("abc",), ("wwwwwwwwwwww",)]),
    Problem("to_snake(name)", "turns a name in camel case or Pascal case into snake case: a capital letter that is not the first becomes an underscore and the small letter", _snake, [("camelCase",), ("HttpServer",), ("name",), ("aBC",), ("",)], [("aBCd",), ("myVariableName",), ("X",)]),
    Problem("to_camel(name)", "turns a name in snake case into camel case: the first word stays as it is, each later word begins with a capital", _camel, [("snake_case",), ("name",), ("a_b_c",)], [("my_variable_name",), ("one_two",), ("x",)]),
    Problem("group_anagrams(words)", "groups the words of a list that are anagrams of each other; groups and words within a group come in the order in which they first appear", _anagrams, [(["eat", "tan", "tea", "ate", "nat", "bat"],), ([],), (["a"],)], [(["ab", "ba", "abc"],), (["x", "y", "x"],), (["stop", "pots", "tops", "opt"],)]),
    Problem("title_case(text)", "capitalises the first letter of each word of a text, writes the others small, and separates the words by single spaces", _title, [("hello WORLD",), ("",), ("it's me",), ("a  b",)], [("  many   spaces ",), ("a",), ("they're bill's friends",)]),
    Problem("to_roman(n)", "returns the Roman numeral of an integer from 1 to 3999", _roman, [(4,), (9,), (58,), (1994,)], [(3999,), (40,), (3,), (444,), (2000,)]),
    Problem("from_roman(text)", "returns the integer that a valid Roman numeral in capital letters stands for", _from_roman, [("III",), ("IV",), ("LVIII",), ("MCMXCIV",)], [("MMMCMXCIX",), ("XL",), ("CDXLIV",), ("M",)]),
    Problem("longest_word(text)", "returns the longest word of a text, the first of them if there are several, and an empty string for a text without words; words are separated by white space", _longest_word, [("the quick brown fox",), ("",), ("a bb cc",)], [("same size word",), ("one",), ("  padded  text here ",)]),
    Problem("common_prefix(words)", "returns the longest text that all words of a list begin with; an empty string for an empty list", _prefix, [(["flower", "flow", "flight"],), (["dog", "car"],), ([],)], [(["same", "same"],), (["a"],), (["ab", "abc", ""],), (["inter", "internet"],)]),
    Problem("reverse_words(text)", "returns the words of a text in reverse order, separated by single spaces", _reverse_words, [("the sky is blue",), ("",), ("  a  b ",)], [("one",), ("x y z",), ("tab\there",)]),
    Problem("is_rotation(a, b)", "returns True if the string b is a rotation of the string a (moving characters from the front to the end), else False", _is_rotation, [("abcd", "cdab"), ("abc", "acb"), ("", ""), ("a", "aa")], [("aab", "aba"), ("ab", "ab"), ("waterbottle", "erbottlewat"), ("abc", "ab")]),
    Problem("parse_time(text)", 'returns the seconds that a time of the form "HH:MM:SS" stands for', _parse_time, [("00:00:10",), ("01:02:03",), ("00:00:00",)], [("23:59:59",), ("10:00:00",), ("00:30:00",)]),
    Problem("format_time(seconds)", 'writes a number of seconds as "HH:MM:SS", each part with two digits', _format_time, [(10,), (3723,), (0,)], [(86399,), (36000,), (59,), (60,)]),
    Problem("edit_distance(a, b)", "returns the least number of single characters that must be inserted, deleted or replaced to turn the string a into the string b", _distance, [("kitten", "sitting"), ("", "abc"), ("a", "a"), ("ab", "ba")], [("flaw", "lawn"), ("abc", ""), ("intention", "execution"), ("abc", "cab")]),
    Problem("mask(text)", "replaces all but the last four characters of a text by asterisks; a text of four characters or fewer stays as it is", _mask, [("12345678",), ("1234",), ("",)], [("abc",), ("12345",), ("4556364607935616",)]),
    Problem("parse_query(text)", 'turns a query string such as "a=1&b=2" into a dict of strings; a part without = has an empty value, and an empty text gives an empty dict', _query, [("a=1&b=2",), ("",), ("flag",), ("k=x=y",)], [("x=&y=z",), ("q=a=b",), ("a=1&flag&b=2",)]),
    Problem("ordinal(n)", 'returns a positive integer with its English ordinal ending, such as "1st", "2nd", "3rd", "4th", "11th"', _ordinal, [(1,), (2,), (3,), (4,), (11,), (22,), (112,)], [(21,), (13,), (101,), (1012,), (33,), (10,)]),
    Problem("common_letters(a, b)", "returns the characters that both texts have, each once, in alphabetical order, as one string", _common_letters, [("hello", "world"), ("abc", "xyz"), ("", "a"), ("nab", "banana")], [("banana", "bandana"), ("aa", "aaa"), ("cab", "abc")]),
    Problem("thousands(n)", 'writes an integer with a comma before every third digit from the right, e.g. 1234567 as "1,234,567"', _thousands, [(1234567,), (12,), (-1000,)], [(0,), (999,), (100000,), (-12345678,)]),
    Problem("longest_without_repeat(text)", "returns the length of the longest run of consecutive characters of a text in which no character occurs twice", _no_repeats, [("abcabcbb",), ("bbbb",), ("abca",), ("",)], [("pwwkew",), ("abcdef",), ("abba",), ("dvdf",)]),
]  # fmt: skip


def rows(problems: list[Problem], group: str) -> Iterator[dict[str, str]]:
    """Yield problems as rows of a data set."""
    for problem in problems:
        name = problem.signature.partition("(")[0]
        yield {
            "id": name.replace("_", "-"),
            "group": group,
            "question": ASKED.format(signature=problem.signature, what=problem.what),
            "tests": _asserts(name, problem.solution, problem.seen),
            "hidden": _asserts(name, problem.solution, problem.hidden),
        }


def _asserts(name: str, solution: Callable[..., Any], calls: list[tuple[Any, ...]]) -> str:
    return "\n".join(f"assert {name}({', '.join(map(repr, call))}) == {solution(*call)!r}" for call in calls)


def main() -> None:
    """Write both data sets."""
    for name, problems, group in (("code", NUMBERS, "numbers and lists"), ("code-text", TEXTS, "texts")):
        text = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows(problems, group))
        (SETS / f"{name}.jsonl").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
