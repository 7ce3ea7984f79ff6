package sandbox

import (
	"context"
	"slices"
)

// Levels returns all levels, strongest first. It is the one ranking that there is:
// what is demanded of a level is held against it.
func Levels() []Level {
	return []Level{GVisor, Namespaces, Bubblewrap, Container, Landlock, None}
}

// AtLeast tells whether l confines at least as strongly as other. What is no level
// confines nothing, and nothing is as strong as it.
func (l Level) AtLeast(other Level) bool {
	all := Levels()
	mine, theirs := slices.Index(all, l), slices.Index(all, other)
	return mine >= 0 && theirs >= mine
}

// Weakness says what a level leaves open that stands for something worse than what
// others promise; empty for levels that hide the host from commands.
func (l Level) Weakness() string {
	switch l {
	case None:
		return "commands are not confined, by the operator's word"
	case Landlock:
		return "commands share the processes and the network of the host, and only rules keep them from its files"
	default:
		return ""
	}
}

// Fix says what to do to have a level; empty if there is nothing to do, or nothing
// that could be done.
func (l Level) Fix() string {
	for _, d := range drivers() {
		if d.level == l {
			return d.fix
		}
	}
	return ""
}

// OpenAtLeast is [Open], but where [Auto] would choose a level weaker than least, a
// stronger one is chosen that auto passes over because it is dear. If there is none
// either, it returns what Open returns: it is for the caller to refuse that. An empty
// least demands nothing.
func OpenAtLeast(ctx context.Context, want string, least Level) (Sandbox, Report, error) {
	s, r, err := Open(ctx, want)
	if err != nil || want != Auto || least == "" || s.Level().AtLeast(least) {
		return s, r, err
	}
	for _, l := range Levels() {
		if !l.AtLeast(least) || !slices.Contains(Choices(), string(l)) {
			continue
		}
		if strong, proof, err := Open(ctx, string(l)); err == nil {
			return strong, proof, nil
		}
	}
	return s, r, nil
}
