"""Files of outputs that were made anywhere: bytes to lines, lines to rows, rows to what a metric takes."""
