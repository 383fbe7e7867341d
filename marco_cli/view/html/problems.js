"use strict";
// Lists the problems of an evaluation. What is shown is in the address behind #, so a link and a reload keep it.
(() => {
  const text = document.getElementById("data").textContent;
  const data = JSON.parse(text);
  const byId = (id) => document.getElementById(id);
  const [left, right, show, find, count, list] = ["left", "right", "show", "find", "count", "list"].map(byId);
  const isPair = data.variants.length > 1;
  const FILTERS = isPair
    ? [
        ["all", "all", () => true],
        ["left", "left did better", (a, b) => a.value > b.value],
        ["right", "right did better", (a, b) => a.value < b.value],
        ["neither", "neither is right", (a, b) => !a.isRight && !b.isRight],
        ["differ", "answers differ", (a, b) => a.answer !== b.answer],
        ["silent", "no answer", (a, b) => a.isSilent || b.isSilent],
      ]
    : [
        ["all", "all", () => true],
        ["wrong", "not right", (a) => !a.isRight],
        ["silent", "no answer", (a) => a.isSilent],
      ];

  function element(tag, className, ...children) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    made.append(...children);
    return made;
  }

  function summed(problem, variant) {
    const attempts = problem.cells[variant] || [];
    const value = attempts.reduce((sum, each) => sum + each.value, 0) / (attempts.length || 1);
    const first = attempts[0];
    return {
      value,
      isRight: attempts.length > 0 && attempts.every((each) => each.verdict === "right"),
      isSilent: attempts.some((each) => each.verdict === "no_answer" || each.verdict === "failed"),
      answer: first ? first.answer : "not asked",
      verdict: first ? first.verdict : "none",
    };
  }

  function answered(problem, variant) {
    const { answer, verdict } = summed(problem, variant);
    return element("span", `answer ${verdict}`, answer);
  }

  function attempt(each) {
    const parts = [element("p", each.verdict, each.answer)];
    if (each.verdict === "failed") return parts;
    parts.push(element("p", "note", `seed ${each.seed}: ${each.facts}`));
    if (each.votes.length > 1) {
      const votes = each.votes.map(([answer, weight, verdict]) =>
        element("li", verdict, `${answer}: ${Math.round(100 * weight)} % of the votes`));
      parts.push(element("ul", "", ...votes));
    }
    parts.push(element("pre", "", data.texts[each.text] || "(nothing)"));
    if (each.thought !== null && data.texts[each.thought]) {
      const thought = element("details", "thought", element("summary", "", "thought"));
      thought.open = true;
      thought.append(element("pre", "", data.texts[each.thought]));
      parts.push(thought);
    }
    return parts;
  }

  function column(problem, variant) {
    const mark = element("span", "mark", String(variant + 1));
    mark.style.setProperty("--c", `var(--s${(variant % 8) + 1})`);
    const head = element("h4", "", mark, ` ${data.variants[variant]}`);
    const attempts = problem.cells[variant] || [];
    const parts = attempts.length ? attempts.flatMap(attempt) : [element("p", "note", "not asked")];
    return element("div", "side", head, ...parts);
  }

  function fill(row, problem) {
    const terms = element("dl", "");
    for (const [name, number] of [["Question", problem.question], ["Right", problem.target]]) {
      terms.append(element("dt", "", name), element("dd", "", data.texts[number]));
    }
    const sides = chosen().map((variant) => column(problem, variant));
    row.append(terms, element("div", "sides", ...sides));
  }

  function line(problem) {
    const answers = chosen().map((variant) => answered(problem, variant));
    const head = element("summary", "", element("span", "kind", problem.id), ...answers,
      element("span", "question", data.texts[problem.question]));
    const row = element("details", "problem", head);
    row.addEventListener("toggle", () => {
      if (row.open && row.childElementCount === 1) fill(row, problem);
      remember();
    });
    row.dataset.id = problem.id;
    return row;
  }

  function chosen() {
    const variants = [Number(left.value)];
    if (isPair) variants.push(Number(right.value));
    return variants;
  }

  function isFound(problem, words) {
    if (!words) return true;
    const answers = problem.cells.flat().map((each) => each.answer);
    const texts = [problem.id, problem.group, data.texts[problem.question], data.texts[problem.target], ...answers];
    return texts.some((each) => each.toLowerCase().includes(words));
  }

  function draw(openIds = new Set()) {
    const test = FILTERS.find(([name]) => name === show.value)[2];
    const words = find.value.trim().toLowerCase();
    const shown = data.problems.filter((problem) =>
      test(...chosen().map((variant) => summed(problem, variant))) && isFound(problem, words));
    list.replaceChildren(...shown.map(line));
    for (const row of list.children) if (openIds.has(row.dataset.id)) row.open = true;
    count.textContent = `${shown.length} of ${data.problems.length} problems`;
  }

  function opened() {
    return [...list.querySelectorAll("details.problem[open]")].map((row) => row.dataset.id);
  }

  function remember() {
    const state = new URLSearchParams({ left: left.value, right: right.value, show: show.value, find: find.value });
    for (const id of opened()) state.append("open", id);
    history.replaceState(null, "", `#${state}`);
  }

  function choose(select, value) {
    if ([...select.options].some((option) => option.value === value)) select.value = value;
  }

  function restore() {
    const state = new URLSearchParams(location.hash.slice(1));
    choose(left, state.get("left") || "0");
    choose(right, state.get("right") || "1");
    choose(show, state.get("show") || "all");
    find.value = state.get("find") || "";
    draw(new Set(state.getAll("open")));
  }

  for (const select of [left, right]) {
    select.append(...data.variants.map((name, number) => new Option(`${number + 1} ${name}`, String(number))));
  }
  show.append(...FILTERS.map(([name, words]) => new Option(words, name)));
  if (!isPair) {
    right.parentElement.remove();
    left.parentElement.hidden = true;
  }
  for (const control of [left, right, show, find]) {
    control.addEventListener("input", () => {
      draw(new Set(opened()));
      remember();
    });
  }
  const tools = document.querySelector(".tools");
  tools.addEventListener("submit", (event) => event.preventDefault());
  tools.hidden = false;
  restore();

  // A run that is under way writes the page anew; a reader who marks text or types is not disturbed. Large pages take longer.
  const pause = 5000 + text.length / 500;
  function reload() {
    const isBusy = document.hidden || !getSelection().isCollapsed || document.activeElement === find;
    if (!isBusy) location.reload();
    setTimeout(reload, pause);
  }
  if (data.isLive) setTimeout(reload, pause);
})();
