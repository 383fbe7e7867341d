// What is known of one node: figures, its tokens as a heat map of confidence, the most doubtful of them, the reply up to it.
const details = (() => {
  const { nodes, others, candidates } = search;
  const { element, decimals, piece, visible } = text;
  const HEATS = [0.99, 0.95, 0.9, 0.75, 0.5, 0.3]; // class h0 from the first on, h1 from the second, h6 below the last
  const MOST_DOUBTS = 5;

  function heat(sure) {
    const at = HEATS.findIndex((least) => sure >= least * 1000);
    return at < 0 ? HEATS.length : at;
  }

  function alternatives(list) {
    return list.map(([index, share]) => `${JSON.stringify(piece(index))} ${(share / 10).toFixed(1)} %`).join(", ");
  }

  function tokens(into, strings, sures, doubts) {
    strings.forEach((index, at) => {
      const sure = sures[at];
      const span = element("span", sure < 0 ? "given" : `h${heat(sure)}`, piece(index));
      span.title = sure < 0 ? "inserted, not scored" : `confidence ${(sure / 1000).toFixed(3)}`;
      if (doubts?.[at]) span.title += `\nlikeliest: ${alternatives(doubts[at])}`;
      into.append(span);
    });
  }

  function legend() {
    const into = element("p", "legend");
    const bounds = HEATS.map((least) => String(least).slice(1));
    const labels = [...bounds.map((bound) => `≥ ${bound}`), `< ${bounds[bounds.length - 1]}`];
    into.append("confidence ", ...labels.map((label, at) => element("i", `h${at}`, label)));
    return into;
  }

  function doubtful(node) {
    const worst = nodes.sure[node].map((sure, at) => [sure, at]).filter(([sure]) => sure >= 0 && sure < search.doubtful);
    worst.sort((left, right) => left[0] - right[0]);
    const list = element("ul", "doubts");
    for (const [sure, at] of worst.slice(0, MOST_DOUBTS)) {
      const item = element("li");
      const likeliest = others[node]?.[at];
      item.append(element("code", "", JSON.stringify(piece(nodes.text[node][at]))), ` ${(sure / 1000).toFixed(3)}`);
      if (likeliest) item.append(`, likeliest ${alternatives(likeliest)}`);
      list.append(item);
    }
    return list;
  }

  function figures(node) {
    const visits = nodes.visits[node];
    const confidence = nodes.confidence[node];
    const candidate = nodes.candidate[node];
    const states = [
      search.isTerminal(node) && "the reply ends here",
      search.isClosed(node) && "nothing new below",
      search.isBest[node] && "on the best path",
    ].filter(Boolean);
    const list = [
      ["visits N", String(visits)],
      ["value", visits ? decimals(nodes.value[node], 3) : "not visited"],
      ["confidence", confidence === null ? "nothing sampled" : decimals(confidence, 3)],
      ["tokens", `${nodes.text[node].length}${search.isForced(node) ? ", some of them inserted (forced)" : ""}`],
      ["below", `${search.below[node]} nodes`],
    ];
    if (states.length) list.push(["state", states.join(", ")]);
    if (text.slip(node)) list.push(["false", text.slip(node)]);
    if (candidate >= 0) list.push(["answer", text.answer(candidates[candidate])]);
    return text.pairs(list);
  }

  function reply(node) {
    const candidate = nodes.candidate[node];
    const whole = element("details");
    whole.open = candidate >= 0;
    whole.append(element("summary", "", candidate >= 0 ? "The whole reply" : "The reply up to here"));
    const path = [];
    for (let above = node; above > 0; above = nodes.parent[above]) path.unshift(above);
    const words = element("div", "heat");
    const fill = () => {
      if (words.firstChild || !whole.open) return;
      for (const each of path) tokens(words, nodes.text[each], nodes.sure[each], others[each]);
      const rest = candidates[candidate]?.rest;
      if (rest) tokens(words, rest.text, rest.sure);
    };
    whole.addEventListener("toggle", fill);
    fill();
    whole.append(words);
    return whole;
  }

  function describe(node) {
    const into = document.querySelector(".node");
    const isReply = nodes.candidate[node] >= 0;
    into.replaceChildren(element("h2", "", node === 0 ? "Question" : `Step ${node}`));
    if (node && isReply) into.append(reply(node), legend());
    into.append(figures(node));
    if (node === 0) {
      into.append(element("p", "heat", visible(search.question)));
      return;
    }
    const step = element("div", "heat");
    tokens(step, nodes.text[node], nodes.sure[node], others[node]);
    into.append(step);
    if (!isReply) into.append(legend());
    const worst = doubtful(node);
    if (worst.children.length) into.append(element("h2", "", "Most doubtful tokens"), worst);
    if (!isReply) into.append(reply(node));
  }

  return { describe };
})();
