"""Every text that people read, in Chinese and English; the code knows only its key."""
