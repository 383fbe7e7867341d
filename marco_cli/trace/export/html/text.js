// The door through which texts come into the page: as text nodes, never as markup, their control characters made visible.
const text = (() => {
  const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

  const symbol = (character) => {
    const code = character.charCodeAt(0);
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : code === 0x7f ? "\u2421" : "\ufffd";
  };
  const visible = (string) => string.replace(CONTROL, symbol);
  const piece = (index) => visible(search.strings[index]);
  const caption = (node) => piece(search.nodes.caption[node]).trim();
  const slip = (node) => (node in search.nodes.slip ? piece(search.nodes.slip[node]) : "");
  const answer = (entry) => visible(search.answerOf(entry));
  const decimals = (value, digits) => (value === null ? "–" : value.toFixed(digits));

  function element(tag, classes, string) {
    const made = document.createElement(tag);
    if (classes) made.className = classes;
    if (string !== undefined) made.textContent = string;
    return made;
  }

  function pairs(list) {
    const into = element("dl");
    for (const [name, value] of list) into.append(element("dt", "", name), element("dd", "", value));
    return into;
  }

  return { visible, piece, caption, slip, answer, decimals, element, pairs };
})();
