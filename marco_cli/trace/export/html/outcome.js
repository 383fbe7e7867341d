// What the search came to: the votes, the finished paths, and the figures of the whole.
const outcome = (() => {
  const { candidates, votes } = search;
  const { element, decimals } = text;
  const MOST_BARS = 8;

  function bar(vote, total) {
    const row = element("div", "vote");
    const whole = element("div", "bar");
    const filled = element("div");
    filled.style.width = `${(100 * vote.weight) / total}%`;
    whole.append(filled);
    const name = element("span", "name", text.answer(vote));
    name.title = name.textContent;
    const share = `${Math.round((100 * vote.weight) / total)} % · ${vote.candidates.length}`;
    row.append(name, whole, element("span", "share", share));
    return row;
  }

  function tellVotes(into) {
    const total = votes.reduce((sum, vote) => sum + vote.weight, 0) || 1;
    const bars = votes.map((vote) => bar(vote, total));
    if (bars.length) into.append(element("h2", "", "Votes (share, paths)"), ...bars.slice(0, MOST_BARS));
    if (bars.length > MOST_BARS) {
      const rest = element("details");
      rest.append(element("summary", "", `${bars.length - MOST_BARS} more`), ...bars.slice(MOST_BARS));
      into.append(rest);
    }
  }

  function heading() {
    const head = element("tr");
    for (const name of ["answer", "confidence", "reward", "tokens", ""]) {
      const cell = element("th", name && name !== "answer" ? "number" : "", name);
      cell.scope = "col";
      head.append(cell);
    }
    return head;
  }

  function path(candidate) {
    const row = element("tr");
    const go = element("button", "", text.answer(candidate));
    go.type = "button";
    go.title = `Show where it ends: step ${candidate.node}`;
    go.addEventListener("click", () => selection.choose(candidate.node, true));
    const cell = element("td");
    cell.append(go);
    row.append(cell);
    for (const value of [decimals(candidate.confidence, 3), decimals(candidate.reward, 3), candidate.tokens]) {
      row.append(element("td", "number", value));
    }
    row.append(element("td", "flag", candidate.note));
    return row;
  }

  function tellPaths(into) {
    if (!candidates.length) return;
    const table = element("table");
    table.append(heading(), ...candidates.map(path));
    const scroll = element("div", "scroll");
    scroll.append(table);
    into.append(element("h2", "", "Finished paths"), scroll);
  }

  function tell() {
    const one = (selector) => document.querySelector(selector);
    tellVotes(one(".votes"));
    tellPaths(one(".candidates"));
    const facts = search.facts.map(([name, value]) => [name, text.visible(value)]);
    one(".facts").append(element("h2", "", "Search"), text.pairs(facts));
  }

  return { tell };
})();
