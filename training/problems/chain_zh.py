"""Chinese wording of event chains."""
# ruff: noqa: RUF001 - Chinese punctuation is the subject

import random

from training.problems.base import Pen, Problem, Solution
from training.problems.chain import draw_chain, solve_chain

NAMES = ("小明", "小红", "小华", "小李", "小王", "小美", "小刚", "我", "妈妈", "老师")
OTHERS = ("朋友", "同学", "弟弟", "妹妹", "别人")
FOOD = (("个", "苹果"), ("个", "橙子"), ("颗", "糖"), ("个", "鸡蛋"), ("块", "饼干"), ("个", "梨"))
THINGS = (
    ("本", "书"),
    ("支", "铅笔"),
    ("张", "卡片"),
    ("个", "球"),
    ("朵", "花"),
    ("元", "钱"),
    ("张", "邮票"),
    ("个", "玩具"),
)
NUMERALS = "零一两三四五六七八九十"

PHRASES = {
    "gain": ("又买了{a}{m}", "买来{a}{m}{o}", "得到{a}{m}", "{f}给了{n}{a}{m}", "又找到{a}{m}{o}", "收到{a}{m}{o}", "又拿来{a}{m}"),
    "lose": ("送给{f}{a}{m}", "用掉{a}{m}", "丢了{a}{m}", "卖掉{a}{m}{o}", "给了{f}{a}{m}", "拿走{a}{m}", "送出{a}{m}{o}"),
    "gain_groups": ("又买了{k}袋，每袋{a}{m}", "买来{k}盒，每盒{a}{m}", "{k}个{f}每人给{n}{a}{m}", "得到{k}包，每包有{a}{m}",
                    "每天买{a}{m}，买了{k}天"),
    "lose_groups": ("送给{k}个{f}每人{a}{m}", "卖掉{k}盒，每盒{a}{m}", "每天用{a}{m}，用了{k}天", "拿走{k}袋，每袋{a}{m}"),
    "double": ("数量变成原来的两倍", "{o}的数量翻倍"),
    "half": ("送出一半", "卖掉一半", "用掉一半", "把一半给了{f}"),
}  # fmt: skip
EATING = {"lose": ("吃了{a}{m}", "吃掉{a}{m}{o}"), "lose_groups": ("每天吃{a}{m}，吃了{k}天",), "half": ("吃掉一半",)}
OPENINGS = ("{n}有{s}{m}{o}", "{n}原来有{s}{m}{o}", "开始时{n}有{s}{m}{o}", "{n}一共有{s}{m}{o}", "{n}手里有{s}{m}{o}",
            "早上{n}有{s}{m}{o}", "{n}带了{s}{m}{o}", "桌上有{n}的{s}{m}{o}")  # fmt: skip
QUESTIONS = ("现在{n}有多少{m}{o}？", "还剩多少{m}{o}？", "{n}现在有几{m}{o}？", "最后有多少{m}{o}？", "还有多少{m}？",
             "{n}最后有多少{m}{o}？", "现在一共有多少{m}？", "请问现在有多少{m}{o}？", "还剩几{m}？")  # fmt: skip
HELD_OPENINGS = ("已知{n}家里有{s}{m}{o}", "{n}身上有{s}{m}{o}")
HELD_QUESTIONS = ("算一算最后{n}还有几{m}{o}。", "那么{o}的数量是多少？")
LEADS = ("然后", "后来", "接着", "之后", "又过了一天，", "")


def numeral(value: int, *, words: bool) -> str:
    """Write `value`, up to ten as a Chinese numeral where wanted."""
    return NUMERALS[value] if words and 1 <= value <= 10 else str(value)


def generate(rng: random.Random, level: int, *, held_phrasing: bool) -> Problem:
    """Draw a chain and tell it in Chinese."""
    chain = draw_chain(rng, level)
    name, words = rng.choice(NAMES), rng.random() < 0.15
    edible = rng.random() < 0.45
    measure, things = rng.choice(FOOD if edible else THINGS)
    slots = {"n": name, "m": measure, "o": things, "s": numeral(chain.start, words=words)}
    clauses = [rng.choice(HELD_OPENINGS if held_phrasing else OPENINGS).format(**slots)]
    for event in chain.events:
        options = EATING[event.kind] if edible and event.kind in EATING and rng.random() < 0.4 else PHRASES[event.kind]
        phrase = rng.choice(options).format(
            a=numeral(event.size, words=words), k=numeral(event.count, words=words), f=rng.choice(OTHERS), **slots
        )
        clauses.append((rng.choice(LEADS) if rng.random() < 0.5 else "") + phrase)
    stop = rng.choice("。，，")
    question = rng.choice(HELD_QUESTIONS if held_phrasing else QUESTIONS).format(**slots)
    text = stop.join(clauses) + "。" + question

    def solve(rng: random.Random, pen: Pen) -> Solution:
        return solve_chain(chain, "zh", rng, pen)

    return Problem(
        family="word_zh", lang="zh", difficulty=level, question=text, answer=str(chain.answer()), key=chain.key(),
        held_out_phrasing=held_phrasing, solve=solve,
    )  # fmt: skip
