// Package flows holds the built-in flows: one YAML file for each capability.
package flows

import "embed"

// Files are the built-in flows' files.
//
//go:embed *.yaml
var Files embed.FS
