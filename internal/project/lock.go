package project

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
)

// maxLockFile is how much of one file goes into a digest. Beyond it only the
// length counts; lock files of that size are not found in the wild.
const maxLockFile = 256 << 20

// lock digests the set-up commands and the files that decide what they install,
// each with its path.
func lock(ctx context.Context, t *tree, f *findings) string {
	if len(f.Setup) == 0 {
		return ""
	}
	h := sha256.New()
	for _, c := range f.Setup {
		fmt.Fprintf(h, "run %q in %q\n", c.Run, c.Dir)
	}
	slices.Sort(f.decides)
	for _, p := range slices.Compact(f.decides) {
		if listed, ok := t.find(p); ok {
			fmt.Fprintf(h, "file %q %d %s\n", p, listed.size, t.digest(ctx, p))
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// digest returns the digest of a file, or a word that says it has none, as when ctx
// is done.
func (t *tree) digest(ctx context.Context, p string) string {
	f, err := t.fsys.Open(p)
	if err != nil {
		return "unreadable"
	}
	defer f.Close()
	h := sha256.New()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return "unreadable"
	}
	const piece = 4 << 20
	for range maxLockFile / piece {
		if ctx.Err() != nil {
			return "unreadable"
		}
		_, err := io.CopyN(h, f, piece)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "unreadable"
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}
