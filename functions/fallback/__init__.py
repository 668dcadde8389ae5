"""What answers requests that no route takes: preflights of browsers, unknown paths, wrong methods."""
