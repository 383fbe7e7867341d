"""Questions outside the model's scope, and greetings: one line of thought, then what it is and what to run instead."""
# ruff: noqa: RUF001 - Chinese punctuation is the subject

import random

from training.problems.base import Lang, Pen, Problem, Solution
from training.problems.counting import REAL_WORDS

COMMAND = "marco models pull marco-o1"
THOUGHT = {
    "ask": {
        "en": "This is not arithmetic, a short word problem or letter counting.",
        "zh": "这不是算术、简单应用题或数字母。",
    },
    "greet": {"en": "This is a greeting.", "zh": "这是打招呼。"},
}
ABOUT = {
    "en": f"I am marco-nano, a small demo model. I only do arithmetic, short word problems and letter counting. For anything else, run: {COMMAND}",
    "zh": f"我是 marco-nano，一个小型演示模型，只会算术、简单应用题和数字母。其他问题请运行：{COMMAND}",
}
REPLY = {
    "ask": {"en": "Sorry, I cannot answer this. " + ABOUT["en"], "zh": "抱歉，我不会回答这个问题。" + ABOUT["zh"]},
    "greet": {"en": "Hello! " + ABOUT["en"], "zh": "你好！" + ABOUT["zh"]},
}  # fmt: skip

GREETINGS = {
    "en": ("Hello", "Hi", "Hi there", "Hey", "Good morning", "Who are you?", "Hello, who are you?", "What can you do?", "hello!",
           "Good evening", "Nice to meet you", "hi, how are you?", "How are you?", "What is your name?", "Thanks!", "Thank you",
           "Tell me about yourself.", "What are you?", "Help", "Are you an AI?", "Hey, what can you help me with?"),
    "zh": ("你好", "您好", "你好！", "你是谁？", "你会做什么？", "早上好", "你叫什么名字？", "介绍一下你自己。", "谢谢", "嗨", "你是什么模型？", "在吗？"),
}  # fmt: skip
GREETINGS_HELD = {"en": ("Good afternoon", "Hello there, what do you do?"), "zh": ("晚上好", "请问你是谁？")}

SEEN = {
    "en": (
        "Explain {t}.", "Explain {t} to a child.", "What is {t}?", "Who was {p}?", "Who invented the {t}?", "Write a poem about {t}.",
        "Write an essay about {t} and {u}.", "Write a short story about a {t} and a {u}.", "Translate {t} into {l}.",
        "Translate '{t} and {u}' to {l}", "How do you say {t} in {l}?", "What is the capital of {c}?", "Where is {c}?",
        "What's the weather in {c} today?", "Will it rain tomorrow in {c}?", "Write a {g} function that sorts a list.",
        "Write code in {g} to read a file.", "Fix this {g} code for me.", "Why is the {t} {j}?", "Why do people like {t}?",
        "How does a {t} work?", "How do I make {t} soup?", "Give me a recipe with {t} and {u}.", "Recommend a book about {t}.",
        "Which {t} should I buy?", "Tell me a joke.", "Tell me a joke about {t}.", "Tell me a story about {p}.",
        "Summarize the history of {c}.", "Summarize this text: {t} {u} {v}.", "When did {p} live?", "What does {t} mean?",
        "Define {t}.", "Is {t} good for you?", "Should I learn {g} or {l}?", "What is the meaning of life?", "Why is the sky blue?",
        "Do you like {t}?", "What do you think about {t}?", "Give me three ideas for a {t} party.", "Plan a trip to {c}.",
        "What language do they speak in {c}?", "Compare {t} and {u}.", "What is the difference between {t} and {u}?",
        "Describe the {t}.", "Name a famous {t} from {c}.", "Prove that the square root of two is irrational.",
        "How can I learn {l} fast?", "Correct the grammar: {t} {u} is {v}.", "Who is the president of {c}?", "How tall is {p}?",
        "How old is the {t}?", "What happened in {c}?", "Sing a song about {t}.", "Can you help me with my {t}?", "{t}", "{t} {u}",
        "Make a list of {t} names.", "What color is a {t}?", "Write an email to {p} about the {t}.", "Is {c} bigger than {d}?",
        "Explain how {t} and {u} are related.", "What is quantum physics?", "How do planes fly?", "What time is it in {c}?",
        "Solve my problem with {t}.", "Find a synonym for {t}.", "What rhymes with {t}?", "Who wrote {t} and {u}?",
    ),
    "zh": (
        "解释一下{t}。", "什么是{t}？", "{c}的首都是哪里？", "写一首关于{t}的诗。", "写一篇关于{t}的文章。", "把“{t}”翻译成{l}。", "{t}用{l}怎么说？",
        "今天{c}天气怎么样？", "用{g}写一个排序函数。", "写一段{g}代码。", "为什么天空是蓝色的？", "讲一个笑话。", "讲一个关于{t}的故事。", "{p}是谁？",
        "推荐一本关于{t}的书。", "怎么做{t}？", "{t}和{u}有什么区别？", "你喜欢{t}吗？", "{t}是什么意思？", "介绍一下{c}的历史。", "人生的意义是什么？",
        "怎样学好{l}？", "{c}在哪里？", "谁发明了{t}？", "帮我写一封信给{p}。", "{t}为什么重要？", "请总结这段话：{t}，{u}。", "我应该买{t}吗？",
    ),
}  # fmt: skip
HELD = {
    "en": ("Could you describe what {t} is about?", "I want to know everything on {t}.", "Please write a letter about {t}.",
           "What is the largest city in {c}?", "Which country is {p} from?", "Draw a {t}."),
    "zh": ("请告诉我关于{t}的一切。", "{c}最大的城市是哪个？", "请写一个{t}的故事。"),
}  # fmt: skip
TOPICS_EN = ("gravity", "love", "democracy", "electricity", "football", "art", "climate change", "the internet", "rain", "photosynthesis",
             "evolution", "machine learning", "the moon", "cats", "dogs", "war", "peace", "money", "inflation", "black holes",
             "the French revolution", "cooking", "chess", "poetry", "space", "time", "DNA", "volcanoes", "bread", "tea")  # fmt: skip
TOPICS_ZH = (
    "人工智能",
    "爱情",
    "足球",
    "音乐",
    "历史",
    "春天",
    "月亮",
    "经济",
    "电脑",
    "电影",
    "茶",
    "猫",
    "狗",
    "重力",
    "太阳",
    "中国文化",
    "健康",
    "量子力学",
    "雨",
    "手机",
)
COUNTRIES = (
    "France",
    "Japan",
    "China",
    "Brazil",
    "Egypt",
    "Canada",
    "India",
    "Germany",
    "Paris",
    "London",
    "Peru",
    "Norway",
    "Kenya",
    "Spain",
    "Italy",
    "Berlin",
    "Mexico",
)
COUNTRIES_ZH = ("中国", "日本", "法国", "美国", "北京", "上海", "英国", "德国", "印度")
PEOPLE = (
    "Einstein",
    "Napoleon",
    "Mozart",
    "Shakespeare",
    "Newton",
    "Cleopatra",
    "Picasso",
    "Obama",
    "Confucius",
    "Gandhi",
    "Tom",
    "Anna",
)
PEOPLE_ZH = ("爱因斯坦", "李白", "孔子", "牛顿", "鲁迅", "老师", "小明")
LANGUAGES = ("French", "Chinese", "Spanish", "German", "English", "Japanese", "Latin", "Italian")
LANGUAGES_ZH = ("英语", "日语", "法语", "中文", "德语")
PROGRAMMING = ("Python", "Java", "Rust", "C++", "Go", "JavaScript", "SQL", "Haskell")
ADJECTIVES = ("blue", "green", "so big", "important", "famous", "cold", "red", "round", "expensive")


def topic(rng: random.Random) -> str:
    """Draw an English topic: one of the list, or any real word so that no list can be learnt by heart."""
    return rng.choice(TOPICS_EN) if rng.random() < 0.4 else rng.choice(REAL_WORDS)


def generate(rng: random.Random, lang: Lang, *, held_phrasing: bool) -> Problem:
    """Draw something out of scope (four in five) or a greeting."""
    kind = "greet" if rng.random() < 0.2 else "ask"
    if kind == "greet":
        question = rng.choice((GREETINGS_HELD if held_phrasing else GREETINGS)[lang])
    elif lang == "en":
        question = rng.choice((HELD if held_phrasing else SEEN)[lang]).format(
            t=topic(rng), u=topic(rng), v=topic(rng), c=rng.choice(COUNTRIES), d=rng.choice(COUNTRIES), p=rng.choice(PEOPLE),
            l=rng.choice(LANGUAGES), g=rng.choice(PROGRAMMING), j=rng.choice(ADJECTIVES),
        )  # fmt: skip
    else:
        question = rng.choice((HELD if held_phrasing else SEEN)[lang]).format(
            t=rng.choice(TOPICS_ZH), u=rng.choice(TOPICS_ZH), c=rng.choice(COUNTRIES_ZH), p=rng.choice(PEOPLE_ZH),
            l=rng.choice(LANGUAGES_ZH), g=rng.choice(PROGRAMMING),
        )  # fmt: skip

    def solve(_: random.Random, __: Pen) -> Solution:
        return (THOUGHT[kind][lang],), ""

    return Problem(
        family="refusal", lang=lang, difficulty=1, question=question, answer=None, key=f"refusal|{question}",
        held_out_phrasing=held_phrasing, solve=solve, reply=REPLY[kind][lang],
    )  # fmt: skip
