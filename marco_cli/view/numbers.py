"""Numbers for people: 3 812, and seconds without digits that flicker."""


def grouped(number: float) -> str:
    """Write a count with a space between groups of three digits."""
    return f"{number:,.0f}".replace(",", " ")


def duration(seconds: float) -> str:
    """Write seconds for people: 6 s, 3 min 20 s, 2 h 5 min."""
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    if whole < 7200:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
