package workspace

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// rules are what a directory's own .gitignore and .gitattributes say.
type rules struct {
	ignore     []pattern
	ignoreSeen stat
	convert    conversion
	attrs      []byte // the .gitattributes itself
	attrsSeen  stat
}

// A scope is the rules that hold in a directory: its own and those above it.
// Rules of the machine or its users are not among them, so a run behaves the
// same everywhere.
type scope struct {
	above   *scope
	path    string // of the directory, ending in a slash unless it is the top
	ignore  []pattern
	convert conversion
	attrs   []byte // the directory's own .gitattributes
}

// scope returns the rules that hold in a directory. The directory's own are
// read again only when their files changed.
func (s *scan) scope(fd int, path string, names []string, t *tree, above *scope) *scope {
	in := &scope{above: above, path: path}
	if above != nil {
		in.convert = above.convert
	}
	if data, fresh := s.readRules(fd, names, ".gitignore", &t.rules.ignoreSeen); fresh {
		t.rules.ignore = parseIgnore(data)
	}
	if data, fresh := s.readRules(fd, names, ".gitattributes", &t.rules.attrsSeen); fresh {
		s.encodes = s.encodes || conversions(data)&convertEncoding != 0 && !bytes.Equal(data, t.rules.attrs)
		t.rules.convert, t.rules.attrs = conversions(data), data
	}
	in.ignore = t.rules.ignore
	in.convert |= t.rules.convert
	in.attrs = t.rules.attrs
	return in
}

// readRules reads a file of rules if it is not as it was seen.
func (s *scan) readRules(fd int, names []string, name string, seen *stat) (data []byte, fresh bool) {
	if _, there := slices.BinarySearch(names, name); !there {
		fresh = *seen != stat{}
		*seen = stat{}
		return nil, fresh
	}
	var st unix.Stat_t
	err := unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	if err == nil && statOf(&st) == *seen {
		return nil, false
	}
	*seen = statOf(&st)
	if seen.ctime > time.Now().Add(-tick).UnixNano() {
		seen.size = -1 // it may change again without a trace; so read it again next time
	}
	if err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, true // as git does: a link or a pipe holds no rules
	}
	f, err := s.openFile(fd, name, name)
	if f == nil || err != nil {
		return nil, true
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, true
	}
	data, err = io.ReadAll(io.LimitReader(f, maxRules))
	if err != nil {
		return nil, true
	}
	return data, true
}

// A conversion is a set of ways in which git may store something else than
// what is in the file.
type conversion uint8

const (
	convertLines    conversion = 1 << iota // CRLF becomes LF
	convertIdent                           // $Id: …$ becomes $Id$
	convertEncoding                        // text in another encoding becomes UTF-8
)

// conversions returns what a .gitattributes may ask for. It errs on the side
// of asking git.
func conversions(data []byte) conversion {
	var c conversion
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		if strings.Contains(line, "text") || strings.Contains(line, "eol") || strings.Contains(line, "crlf") {
			c |= convertLines
		}
		if strings.Contains(line, "ident") {
			c |= convertIdent
		}
		if strings.Contains(line, "working-tree-encoding") {
			c |= convertEncoding
		}
	}
	return c
}

// needsGit reports whether git might store something else than data.
func (s *scope) needsGit(data []byte) bool {
	return s.convert&convertEncoding != 0 ||
		s.convert&convertLines != 0 && bytes.Contains(data, []byte("\r\n")) ||
		s.convert&convertIdent != 0 && bytes.Contains(data, []byte("$Id"))
}
