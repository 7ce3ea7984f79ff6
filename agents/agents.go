// Package agents holds the built-in agents: one Markdown file each, with front
// matter that says what the agent is and a body that tells the model who it is.
// An operator's directory can add to them or take their place.
package agents

import "embed"

// Files are the built-in agents' files.
//
//go:embed *.md
var Files embed.FS
