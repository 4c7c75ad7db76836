"""Pages, figures and terminal tables of what evaluation and explanation return."""
