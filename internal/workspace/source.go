package workspace

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// A SourceKind says what a source is.
type SourceKind string

// The kinds of sources.
const (
	SourceNone       SourceKind = "none"       // nothing: the run starts a new repository
	SourceRepository SourceKind = "repository" // a repository on this machine
	SourceDirectory  SourceKind = "directory"  // a directory without git: its files become the first commit of a new repository
	SourceURL        SourceKind = "url"        // a repository elsewhere
)

// A Source is where a run takes its files from. It holds no secret.
type Source struct {
	Kind     SourceKind
	Location string // the directory, free of links, or the URL
	Tenant   string // for whom a URL is reached; set by the caller

	gitDir    string // where HEAD is
	commonDir string // where objects and references are; differs from gitDir in a linked worktree
}

// Bare reports whether s is a repository without a working tree.
func (s Source) Bare() bool {
	return s.Kind == SourceRepository && s.gitDir == s.Location
}

const maxSource = 4096 // bytes of a path or URL

// Resolve checks what somebody gave as a source against the directories below
// which sources may lie. It only looks: it starts no program, reads no
// configuration, reaches no network and changes nothing. What it refuses is a
// [*SourceError].
//
// A path must be absolute. Links are followed before roots are compared, for
// the directory itself and for everything its repository borrows from: the
// git directory of a linked worktree, its object stores. A path outside gets
// the same answer whether it exists or not. The repository may belong to
// another user: as its configuration and hooks are never used, git's demand
// for the same owner has no purpose here.
//
// URLs must be https or ssh. Those with a user and password are refused rather
// than stripped, so that nobody believes the secret was kept or used.
func Resolve(_ context.Context, source string, roots []string) (Source, error) {
	switch {
	case source == "":
		return Source{Kind: SourceNone}, nil
	case len(source) > maxSource:
		return Source{}, refuse(ReasonForm, "give a shorter path or URL", "it has %d bytes", len(source))
	case !utf8.ValidString(source) || strings.ContainsFunc(source, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return Source{}, refuse(ReasonForm, "give a path or URL of printable characters", "%q has control characters", source)
	case strings.HasPrefix(source, "-"):
		return Source{}, refuse(ReasonForm, "give an absolute path or a URL", "%q looks like an option", source)
	case filepath.IsAbs(source):
		return resolvePath(source, roots)
	}
	return resolveURL(source, roots)
}

var (
	helperForm = regexp.MustCompile(`^[A-Za-z0-9+.-]*::`)
	schemeForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`)
	scpForm    = regexp.MustCompile(`^(?:([A-Za-z0-9_][A-Za-z0-9_.-]*)@)?([A-Za-z0-9][A-Za-z0-9.-]*):([^:].*)$`)
)

func resolveURL(source string, roots []string) (Source, error) {
	if helperForm.MatchString(source) {
		return Source{}, refuse(ReasonTransport, "use https:// or ssh://", "transport helpers such as ext:: run programs")
	}
	if !schemeForm.MatchString(source) {
		if m := scpForm.FindStringSubmatch(source); m != nil && !strings.HasPrefix(m[3], "-") && !winds(m[3]) {
			return Source{Kind: SourceURL, Location: source}, nil
		}
		return Source{}, refuse(ReasonForm, "give an absolute path, or a URL with https:// or ssh://", "%q is neither an absolute path nor a URL", source)
	}
	u, err := url.Parse(source)
	if err != nil {
		// The text of the error would repeat the URL and what it may hold.
		return Source{}, refuse(ReasonForm, "mend the URL", "the URL cannot be read")
	}
	switch u.Scheme {
	case "file":
		if u.Host != "" && u.Host != "localhost" || u.RawQuery != "" || u.Fragment != "" || !filepath.IsAbs(u.Path) {
			return Source{}, refuse(ReasonForm, "use file:///path", "a file URL must be nothing but a path")
		}
		return Resolve(context.Background(), u.Path, roots)
	case "https", "ssh":
		return checkRemote(u)
	}
	return Source{}, refuse(ReasonTransport, "use https:// or ssh://", "%s:// is not allowed", u.Scheme)
}

// winds reports whether the path of a URL may lead elsewhere than it looks: what is
// below a directory by its letters must be below it in fact. Some servers read "..;"
// as they read "..".
func winds(path string) bool {
	parts := strings.FieldsFunc(path, func(c rune) bool { return c == '/' || c == '\\' })
	up := func(part string) bool { return part == "." || strings.HasPrefix(part, "..") }
	return slices.ContainsFunc(parts, up) || strings.ContainsRune(path, '%')
}

var hostForm = regexp.MustCompile(`^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?$`)

func checkRemote(u *url.URL) (Source, error) {
	_, password := u.User.Password()
	switch {
	case password, u.User != nil && u.Scheme == "https", u.RawQuery != "", u.Fragment != "":
		return Source{}, refuse(ReasonSecret, "leave them out and let the operator configure access", "a URL must not carry user names, passwords, tokens or queries")
	case !hostForm.MatchString(u.Host), u.User != nil && !nameForm.MatchString(u.User.Username()):
		return Source{}, refuse(ReasonForm, "mend the URL", "the URL names no proper host")
	case strings.Trim(u.Path, "/") == "", strings.HasPrefix(strings.TrimLeft(u.Path, "/"), "-"), winds(u.Path):
		return Source{}, refuse(ReasonForm, "mend the URL", "the URL names no repository")
	}
	return Source{Kind: SourceURL, Location: u.String()}, nil
}

func resolvePath(source string, roots []string) (Source, error) {
	allowed := fence(roots)
	outside := refuse(ReasonOutside, "choose a directory below one of the allowed roots, or let the operator add a root", "%s is not below an allowed root", source)
	dir, err := filepath.EvalSymlinks(source)
	switch {
	case err == nil && !allowed.holds(dir):
		return Source{}, outside
	case err != nil && !allowed.holdsLexically(source):
		return Source{}, outside
	case errors.Is(err, fs.ErrNotExist):
		return Source{}, refuse(ReasonMissing, "check the spelling", "%s does not exist", source)
	case err != nil:
		return Source{}, refuse(ReasonBroken, "check its permissions", "%s cannot be read", source)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return Source{}, refuse(ReasonBroken, "check its permissions", "%s cannot be read", source)
	}
	if !info.IsDir() {
		return Source{}, refuse(ReasonNoDirectory, "give the directory of a repository", "%s is not a directory", source)
	}
	src, err := findRepository(dir, allowed)
	if err != nil || src.Kind == SourceRepository {
		return src, err
	}
	for up := filepath.Dir(dir); allowed.holds(up) && up != "/"; up = filepath.Dir(up) {
		if _, err := os.Lstat(filepath.Join(up, ".git")); err == nil {
			return Source{}, refuse(ReasonInside, "give the whole repository: "+up, "%s is a directory within a repository", source)
		}
	}
	return Source{Kind: SourceDirectory, Location: dir}, nil
}

// fence is the directories below which sources may lie.
type fence []string

// holds reports whether a path free of links is one of the roots or below.
func (f fence) holds(path string) bool {
	for _, root := range f {
		if real, err := filepath.EvalSymlinks(root); err == nil && within(real, path) {
			return true
		}
	}
	return false
}

// holdsLexically does the same for a path that could not be followed.
func (f fence) holdsLexically(path string) bool {
	for _, root := range f {
		if real, err := filepath.EvalSymlinks(root); err == nil && (within(real, filepath.Clean(path)) || within(filepath.Clean(root), filepath.Clean(path))) {
			return true
		}
	}
	return false
}

func within(root, path string) bool {
	rel, err := filepath.Rel(root, path)
	return err == nil && filepath.IsLocal(rel)
}
