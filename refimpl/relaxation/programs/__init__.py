"""Classic algorithms, relaxed: each file has one program and its discrete meaning."""
