r"""LaTeX commands by name: the signs that they stand for, and those that only set size, space or type."""

from typing import Final

_SIGNS: Final = r"""
times ×  cdot ·  div ÷  pm ±  mp ∓  ast *  star ⋆  circ °  bullet •  degree °  colon :  prime ′  backslash \
le ≤  leq ≤  leqslant ≤  ge ≥  geq ≥  geqslant ≥  lt <  gt >  ne ≠  neq ≠  approx ≈  equiv ≡  sim ~  simeq ≃
cong ≅  propto ∝  to →  rightarrow →  Rightarrow ⇒  longrightarrow →  implies ⇒  leftarrow ←  Leftarrow ⇐
leftrightarrow ↔  Leftrightarrow ⇔  iff ⇔  mapsto ↦  therefore ∴  because ∵  checkmark ✓  infty ∞  partial ∂
nabla ∇  sum ∑  prod ∏  int ∫  oint ∮  ldots …  dots …  cdots ⋯  vdots ⋮  ell ℓ  hbar ℏ  in ∈  notin ∉  ni ∋
subset ⊂  subseteq ⊆  supset ⊃  supseteq ⊇  cup ∪  cap ∩  setminus ∖  emptyset ∅  varnothing ∅  forall ∀
exists ∃  neg ¬  lnot ¬  land ∧  wedge ∧  lor ∨  vee ∨  oplus ⊕  otimes ⊗  mid |  vert |  lvert |  rvert |
Vert ‖  parallel ∥  perp ⊥  angle ∠  triangle △  Box □  square □  blacksquare ■  lfloor ⌊  rfloor ⌋  lceil ⌈
rceil ⌉  langle ⟨  rangle ⟩  lbrace {  rbrace }  pounds £  euro €  alpha α  beta β  gamma γ  delta δ
epsilon ε  varepsilon ε  zeta ζ  eta η  theta θ  vartheta θ  iota ι  kappa κ  lambda λ  mu μ  nu ν  xi ξ  pi π
rho ρ  sigma σ  tau τ  upsilon υ  phi φ  varphi φ  chi χ  psi ψ  omega ω  Gamma Γ  Delta Δ  Theta Θ  Lambda Λ
Xi Ξ  Pi Π  Sigma Σ  Upsilon Υ  Phi Φ  Psi Ψ  Omega Ω
"""
_WORDS: Final = _SIGNS.split()
SIGNS: Final = dict(zip(_WORDS[::2], _WORDS[1::2], strict=True))
"""Command → sign."""
_SIZES: Final = (
    "left right big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr displaystyle textstyle limits nolimits middle "
    "hline scriptstyle notag nonumber bigm Bigm biggm Biggm mathord"
)
SIZES: Final = frozenset(_SIZES.split())
"""Commands that stand for nothing."""
_TEXTS: Final = "text textbf textit textrm mathrm mathbf mathit mbox operatorname boxed fbox emph bm"
TEXTS: Final = tuple(_TEXTS.split())
"""Commands whose argument is text, or is set in a type of its own."""
