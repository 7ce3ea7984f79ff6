package stage

func reap() { exit(0) }
