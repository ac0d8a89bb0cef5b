//! Prompt → words and sentence → pictures and attention → caption: the one entry that the command line and the browser call.
