"""What the site has beyond the Markdown pages in docs/: reference pages, figures, JSON."""
