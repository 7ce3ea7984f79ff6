// Package workflows holds the built-in workflows: one YAML file for each, beside those
// that are made of the flows of the capabilities.
package workflows

import "embed"

// Files are the built-in workflows' files.
//
//go:embed *.yaml
var Files embed.FS
