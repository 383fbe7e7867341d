"""Plots of two people, shopping, rates and sharing: numbers, formula, and how English and Chinese tell them.

A formula is a line of assignments such as `b=k*a; a+b`; the last one is the answer. Both languages share it.
"""
# ruff: noqa: RUF001 - Chinese punctuation is the subject

import random
from collections.abc import Callable
from dataclasses import dataclass

Numbers = dict[str, int]
Draw = Callable[[random.Random, int], Numbers]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """One shape of problem with its templates by language, seen ones and held-out ones.

    Slots: A, B, C people; o, u things; M, N months; D, E weekdays; lower-case letters numbers.
    """

    name: str
    draw: Draw
    formula: str
    en: tuple[str, ...]
    en_held: tuple[str, ...]
    zh: tuple[str, ...]
    zh_held: tuple[str, ...]


def size(rng: random.Random, level: int, bounds: tuple[int, int, int]) -> int:
    """Draw a number from 2 up to the level's bound."""
    return rng.randint(2, bounds[level - 1])


def draw_more(rng: random.Random, level: int) -> Numbers:
    """Draw a number and how many more another has."""
    return {"a": size(rng, level, (20, 90, 400)), "d": size(rng, level, (12, 60, 300))}


def draw_fewer(rng: random.Random, level: int) -> Numbers:
    """Draw a number and how many fewer, at least one left."""
    a = size(rng, level, (20, 90, 400)) + 2
    return {"a": a, "d": rng.randint(1, a - 1)}


def draw_times(rng: random.Random, level: int) -> Numbers:
    """Draw a number and a factor."""
    return {"a": size(rng, level, (12, 40, 150)), "k": rng.randint(2, (4, 6, 9)[level - 1])}


def draw_half(rng: random.Random, level: int) -> Numbers:
    """Draw an even number."""
    return {"a": 2 * size(rng, level, (15, 45, 150))}


def draw_three(rng: random.Random, level: int) -> Numbers:
    """Draw a number, a factor and a difference."""
    return draw_times(rng, level) | {"d": size(rng, level, (10, 30, 90))}


def draw_shop(rng: random.Random, level: int) -> Numbers:
    """Draw two counts with their prices."""
    return {"x": size(rng, level, (6, 9, 15)), "p": size(rng, level, (9, 15, 40)),
            "y": size(rng, level, (6, 9, 12)), "q": size(rng, level, (9, 15, 40))}  # fmt: skip


def draw_change(rng: random.Random, level: int) -> Numbers:
    """Draw a count, a price, and a payment that suffices."""
    x, p = size(rng, level, (6, 9, 15)), size(rng, level, (9, 15, 40))
    bill = next(bill for bill in (10, 20, 50, 100, 200, 500, 1000) if bill >= x * p)
    return {"x": x, "p": p, "m": bill if rng.random() < 0.5 else x * p + rng.randint(0, 40)}


def draw_rate(rng: random.Random, level: int) -> Numbers:
    """Draw a rate and a time."""
    return {"r": size(rng, level, (12, 60, 180)), "h": rng.randint(2, 9)}


def draw_left(rng: random.Random, level: int) -> Numbers:
    """Draw groups, their size, and how much of all is used."""
    k, m = rng.randint(2, 9), size(rng, level, (9, 20, 60))
    return {"k": k, "m": m, "u": rng.randint(1, k * m)}


def draw_share(rng: random.Random, level: int) -> Numbers:
    """Draw a number that divides exactly."""
    k = rng.randint(2, 9)
    return {"k": k, "n": k * size(rng, level, (9, 15, 40))}


def draw_pages(rng: random.Random, level: int) -> Numbers:
    """Draw a daily portion, days, and a whole that is larger."""
    p, d = size(rng, level, (10, 25, 60)), rng.randint(2, 8)
    return {"p": p, "d": d, "n": p * d + rng.randint(1, (30, 90, 200)[level - 1])}


PLOTS = (
    Plot(
        name="more", draw=draw_more, formula="b=a+d; a+b",
        en=("{A} has {a} {o}. {B} has {d} more than {A}. How many {o} do they have together?",
            "{A} has {a} {o} and {B} has {d} more {o} than {A}. How many {o} do they have in total?",
            "{B} has {d} more {o} than {A}, who has {a}. How many {o} do both have altogether?",
            "I have {a} {o}. My friend {B} has {d} more than me. How many do we have together?",
            "{A} found {a} {o}. {B} found {d} more than that. How many {o} did they find in all?"),
        en_held=("Together {A} and {B} own some {o}. {A} owns {a} and {B} owns {d} more. What is the total?",),
        zh=("{A}有{a}个{o}，{B}比{A}多{d}个。他们一共有多少个{o}？", "{A}有{a}个{o}。{B}比{A}多{d}个{o}。两人一共有几个{o}？",
            "{B}的{o}比{A}多{d}个，{A}有{a}个，两人共有多少个{o}？"),
        zh_held=("{A}拿了{a}个{o}，{B}比{A}多拿{d}个，两人合起来拿了几个？",),
    ),
    Plot(
        name="fewer", draw=draw_fewer, formula="b=a-d; a+b",
        en=("{A} has {a} {o}. {B} has {d} fewer than {A}. How many {o} do they have together?",
            "{A} has {a} {o} and {B} has {d} less. How many {o} do they have in total?",
            "{B} has {d} fewer {o} than {A}. {A} has {a}. How many do both have altogether?",
            "{A} made {a} {o}. {B} made {d} fewer. How many {o} did they make in all?"),
        en_held=("Together {A} and {B} own some {o}. {A} owns {a} and {B} owns {d} fewer. What is the total?",),
        zh=("{A}有{a}个{o}，{B}比{A}少{d}个。他们一共有多少个{o}？", "{A}有{a}个{o}。{B}比{A}少{d}个{o}。两人一共有几个{o}？",
            "{B}的{o}比{A}少{d}个，{A}有{a}个，两人共有多少个{o}？"),
        zh_held=("{A}拿了{a}个{o}，{B}比{A}少拿{d}个，两人合起来拿了几个？",),
    ),
    Plot(
        name="times", draw=draw_times, formula="b=k*a; a+b",
        en=("{A} has {a} {o}. {B} has {k} times as many. How many {o} do they have together?",
            "{B} has {k} times as many {o} as {A}. {A} has {a} {o}. How many {o} are there in total?",
            "{A} sold {a} {o} in {M}. In {N} {A} sold {k} times as many. How many {o} did {A} sell altogether?",
            "{A} collected {a} {o} and {B} collected {k} times as many as {A}. How many {o} in all?"),
        en_held=("{A} counts {a} {o}, and {B} counts {k} times that number. What do they get when they add both up?",),
        zh=("{A}有{a}个{o}，{B}的{o}是{A}的{k}倍。他们一共有多少个{o}？", "{B}有的{o}是{A}的{k}倍，{A}有{a}个，两人一共有多少个？",
            "{A}买了{a}个{o}，{B}买的是{A}的{k}倍，两人一共买了几个{o}？"),
        zh_held=("{A}有{a}个{o}，{B}的数量是他的{k}倍，合起来是几个？",),
    ),
    Plot(
        name="half", draw=draw_half, formula="b=a/2; a+b",
        en=("{A} sold {a} {o} in {M} and half as many in {N}. How many {o} did {A} sell altogether?",
            "{A} has {a} {o}. {B} has half as many. How many {o} do they have together?",
            "In {M} {A} made {a} {o}, and then half as many {o} in {N}. How many {o} did {A} make altogether in {M} and {N}?",
            "{A} sold {o} to {a} friends in {M}, and then sold half as many {o} in {N}. How many {o} did {A} sell in total?",
            "{A} found {a} {o} on {D} and half as many on {E}. How many in all?"),
        en_held=("{B} has only half as many {o} as {A}, and {A} has {a}. What is their total number of {o}?",),
        zh=("{A}有{a}个{o}，{B}的{o}是{A}的一半。他们一共有多少个{o}？", "{A}上午卖掉{a}个{o}，下午卖掉的是上午的一半，一共卖掉多少个？",
            "{A}买了{a}个{o}，{B}买的是{A}的一半，两人一共买了几个？"),
        zh_held=("{B}的{o}只有{A}的一半，{A}有{a}个，两人合起来有几个？",),
    ),
    Plot(
        name="three", draw=draw_three, formula="b=k*a; c=b+d; s=a+b; s+c",
        en=("{A} has {a} {o}. {B} has {k} times as many as {A}. {C} has {d} more than {B}. How many {o} do they have in total?",
            "{A} has {a} {o}, {B} has {k} times as many and {C} has {d} more than {B}. How many {o} do the three have together?",
            "{C} has {d} more {o} than {B}. {B} has {k} times as many as {A}, who has {a}. How many {o} do all three have?"),
        en_held=("{A} got {a} {o}, {B} got {k} times that and {C} got {d} more than {B}. What did the three get in sum?",),
        zh=("{A}有{a}个{o}，{B}的{o}是{A}的{k}倍，{C}比{B}多{d}个。三人一共有多少个{o}？",
            "{A}买了{a}个{o}，{B}买的是{A}的{k}倍，{C}比{B}多买{d}个，他们一共买了几个？"),
        zh_held=("{A}拿了{a}个{o}，{B}拿的是{A}的{k}倍，{C}比{B}多拿{d}个，三个人合起来拿了多少？",),
    ),
    Plot(
        name="shop", draw=draw_shop, formula="e=x*p; f=y*q; e+f",
        en=("{A} buys {x} {o} at {p} dollars each and {y} {u} at {q} dollars each. How much does {A} pay?",
            "One of the {o} costs ${p} and one of the {u} costs ${q}. {A} buys {x} {o} and {y} {u}. What is the total cost?",
            "{A} bought {x} {o} for ${p} each and {y} {u} for ${q} each. How much did {A} spend in total?",
            "How much do {x} {o} at {p} dollars each and {y} {u} at {q} dollars each cost?",
            "{x} boxes with {p} {o} each and {y} boxes with {q} {u} each: how many things are there in total?"),
        en_held=("{A} puts {x} {o} priced {p} dollars and {y} {u} priced {q} dollars in the cart. What is the bill?",),
        zh=("{A}买了{x}个{o}，每个{p}元，又买了{y}支笔，每支{q}元。一共花了多少元？",
            "一个{o}{p}元，一本书{q}元，{A}买了{x}个{o}和{y}本书，一共要多少元？", "{x}个{o}每个{p}元，{y}支笔每支{q}元，一共多少钱？"),
        zh_held=("{o}每个{p}元，铅笔每支{q}元，买{x}个{o}和{y}支铅笔需要几元？",),
    ),
    Plot(
        name="change", draw=draw_change, formula="e=x*p; m-e",
        en=("{A} buys {x} {o} at {p} dollars each and pays with {m} dollars. How much change does {A} get?",
            "{A} has ${m} and buys {x} {o} for ${p} each. How much money is left?",
            "{A} had {m} dollars. {A} bought {x} {o} that cost {p} dollars each. How many dollars does {A} have left?",
            "I have {m} dollars and buy {x} {o} at {p} dollars each, how much is left?"),
        en_held=("{A} hands over {m} dollars for {x} {o} that are {p} dollars apiece. What comes back?",),
        zh=("{A}买了{x}个{o}，每个{p}元，付了{m}元，应找回多少元？", "{A}有{m}元，买了{x}个{o}，每个{p}元，还剩多少元？",
            "{A}带了{m}元钱，买{x}个{p}元的{o}，还剩几元？"),
        zh_held=("一个{o}{p}元，{A}买{x}个，给了{m}元，找给{A}几元？",),
    ),
    Plot(
        name="rate", draw=draw_rate, formula="r*h",
        en=("A machine makes {r} {o} per hour. How many {o} does it make in {h} hours?",
            "{A} makes {r} {o} a day. How many {o} does {A} make in {h} days?",
            "A car drives {r} km per hour. How far does it go in {h} hours?",
            "{A} earns {r} dollars an hour. How much does {A} earn in {h} hours?",
            "There are {h} boxes with {r} {o} in each. How many {o} are there?",
            "A train travels at {r} km per hour for {h} hours. How many km does it travel?"),
        en_held=("If {A} packs {r} {o} every hour, how many are packed after {h} hours?",),
        zh=("一台机器每小时做{r}个{o}，{h}小时能做多少个？", "{A}每天做{r}个{o}，{h}天一共做多少个？", "汽车每小时行{r}千米，{h}小时行多少千米？",
            "有{h}盒{o}，每盒{r}个，一共有多少个？"),
        zh_held=("{A}一小时能包{r}个{o}，{h}小时共包几个？",),
    ),
    Plot(
        name="left", draw=draw_left, formula="e=k*m; e-u",
        en=("{A} has {k} boxes with {m} {o} in each. {A} uses {u} {o}. How many {o} are left?",
            "There are {k} bags with {m} {o} each. {u} {o} are sold. How many {o} remain?",
            "{A} bought {k} packs of {m} {o} and gave away {u}. How many {o} does {A} have now?",
            "{k} bags hold {m} {o} each. {A} takes {u} {o} out. How many are left in the bags?"),
        en_held=("Of {k} boxes of {m} {o}, {A} lost {u} {o}. What number of {o} is still there?",),
        zh=("{A}有{k}盒{o}，每盒{m}个，用掉{u}个，还剩多少个？", "有{k}袋{o}，每袋{m}个，卖掉{u}个，还剩几个{o}？",
            "{A}买了{k}包{o}，每包{m}个，送给朋友{u}个，现在有多少个？"),
        zh_held=("{k}箱{o}每箱{m}个，拿走{u}个后还有几个？",),
    ),
    Plot(
        name="share", draw=draw_share, formula="n/k",
        en=("{A} shares {n} {o} equally among {k} friends. How many {o} does each friend get?",
            "{n} {o} are put into {k} equal groups. How many {o} are in each group?",
            "{A} has {n} {o} and puts {k} in each bag. How many bags does {A} need?",
            "{n} {o} are divided equally between {k} children. How many does each child get?"),
        en_held=("{k} children split {n} {o} evenly. What does one child receive?",),
        zh=("把{n}个{o}平均分给{k}个朋友，每人分到几个？", "{n}个{o}，每袋装{k}个，可以装几袋？", "{A}把{n}个{o}平均分成{k}份，每份多少个？"),
        zh_held=("{k}个同学平分{n}个{o}，一个同学得到几个？",),
    ),
    Plot(
        name="pages", draw=draw_pages, formula="e=p*d; n-e",
        en=("A book has {n} pages. {A} reads {p} pages a day for {d} days. How many pages are left?",
            "{A} has a book of {n} pages and reads {p} pages each day. How many pages are left after {d} days?",
            "{A} must make {n} {o} and makes {p} per day. How many are still missing after {d} days?",
            "{A} needs {n} dollars and saves {p} dollars a week for {d} weeks. How much is still missing?"),
        en_held=("Reading {p} pages of a book every day, how many of its {n} pages has {A} not read after {d} days?",),
        zh=("一本书有{n}页，{A}每天看{p}页，看了{d}天，还剩多少页？", "{A}看一本{n}页的书，每天看{p}页，{d}天后还有多少页没看？",
            "{A}要做{n}个{o}，每天做{p}个，做了{d}天，还差几个？"),
        zh_held=("一本{n}页的书，{A}一天读{p}页，读了{d}天，没读的有几页？",),
    ),
)  # fmt: skip
