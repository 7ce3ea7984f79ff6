package workspace

import (
	"fmt"
	"strings"
)

// Limits of what a checkpoint stores. They keep a runaway program from filling
// the server's disk through us.
const (
	maxFile    = 256 << 20 // bytes of a file; a larger one is skipped
	maxEntries = 1_000_000 // files and directories looked at
	maxNew     = 4 << 30   // bytes stored in one go
	maxDepth   = 500       // directories in each other
	maxPath    = 3 << 10   // bytes of a path; with the place of a checkout before it, the kernel has to take it
	maxRules   = 1 << 20   // bytes of a .gitignore or .gitattributes
	inMemory   = 4 << 20   // bytes of a file that is read into memory
)

// tooLarge is how a directory is refused that is beyond the limits.
func tooLarge(path, format string, args ...any) error {
	return &TreeError{Path: path, Why: fmt.Sprintf(format, args...), Err: ErrTooLarge}
}

// clipPath shortens a path that is too long to be told.
func clipPath(path string) string {
	if len(path) > 80 {
		return strings.ToValidUTF8(path[:80], "") + "…"
	}
	return path
}

// spend counts the bytes that are stored in one go.
func (s *scan) spend(full string, size int64) error {
	if s.bytes += size; s.bytes > maxNew {
		return tooLarge(full, "with it the changed files have more than %d MiB; remove what is not needed, or let .gitignore leave it out", maxNew>>20)
	}
	return nil
}
