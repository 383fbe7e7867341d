"""What a person sees: pure functions and views from values and events to text."""
