package workspace

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Options are the settings of a [Store]. The zero value is safe: no network
// settings, no push.
type Options struct {
	// Network is the environment, as in KEY=value, of those calls of git that
	// reach the network: proxy, certificate and ssh agent settings. The agent is
	// shown to none but calls whose [Access] is the user's own.
	Network []string
	// Push allows a result to be pushed to a source that is a URL. Otherwise it
	// is handed over as artifacts only.
	Push bool
	// Reach returns how git may reach a URL for somebody, or a [*SourceError] if
	// it may not. It is asked each time. Nil: as nobody, wherever the URL leads.
	Reach func(ctx context.Context, tenant, location string) (Access, error)
	// FetchTime is how long a source may take to hand over its objects, or to
	// take a result; 0: 10 minutes. No other question to a source may take
	// longer, and most may take seconds only.
	FetchTime time.Duration
	// MaxFiles is how many files a commit may have for a run to begin with it;
	// 0: 1,000,000, which is also the most.
	MaxFiles int
}

// How long a source may take by default, or at most if it is asked for no objects.
const (
	fetchTime = 10 * time.Minute
	askTime   = time.Minute // elsewhere
	readTime  = 30 * time.Second
)

// A Store keeps the repositories and workspaces of a server below one
// directory. Its methods may be called at the same time, also by several
// processes for different runs.
type Store struct {
	dir   string
	git   *git
	push  bool
	reach func(ctx context.Context, tenant, location string) (Access, error)

	fetchTime time.Duration
	maxFiles  int

	sources keyed // by cache
	runs    keyed // by run

	mu   sync.Mutex
	open map[string]*Workspace // by run/name
}

// Open returns the store in dir, which is made if it is missing. It needs a
// git program and says so if there is none; see [GitVersion] for whether it is
// new enough.
func Open(dir string, opts Options) (*Store, error) {
	program, err := exec.LookPath("git")
	if err != nil {
		return nil, fmt.Errorf("open workspaces: git is needed, version 2.38 or newer: install it: %w", err)
	}
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open workspaces: %w", err)
	}
	for _, sub := range []string{"home", "sources", "runs"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, fmt.Errorf("open workspaces: %w", err)
		}
	}
	// Paths are compared and handed to other programs; links in them would not.
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, fmt.Errorf("open workspaces: %w", err)
	}
	if strings.ContainsAny(dir, "\n\"") {
		return nil, fmt.Errorf("open workspaces: %q: git cannot work below such a name; choose another", dir)
	}
	return &Store{
		dir:   dir,
		git:   &git{program: program, home: filepath.Join(dir, "home"), network: opts.Network},
		push:  opts.Push,
		reach: opts.Reach,

		fetchTime: cmp.Or(opts.FetchTime, fetchTime),
		maxFiles:  min(cmp.Or(opts.MaxFiles, maxEntries), maxEntries),

		open: map[string]*Workspace{},
	}, nil
}

var gitVersion = regexp.MustCompile(`^git version (\d+)\.(\d+)(\S*)`)

// GitVersion returns the version of the git program, as in 2.39.5, and an
// error if it is older than 2.38, which this package needs.
func GitVersion(ctx context.Context) (string, error) {
	program, err := exec.LookPath("git")
	if err != nil {
		return "", fmt.Errorf("git is needed, version 2.38 or newer: install it: %w", err)
	}
	g := &git{program: program, home: os.TempDir()}
	out, err := g.line(ctx, call{gitDir: os.DevNull, args: []string{"version"}})
	if err != nil {
		return "", err
	}
	m := gitVersion.FindStringSubmatch(out)
	if m == nil {
		return "", fmt.Errorf("git answers %q when asked for its version", out)
	}
	version := m[1] + "." + m[2] + m[3]
	var major, minor int
	_, _ = fmt.Sscan(m[1], &major) // digits, by the expression
	_, _ = fmt.Sscan(m[2], &minor)
	if major < 2 || major == 2 && minor < 38 {
		return version, fmt.Errorf("git %s is too old: install 2.38 or newer", version)
	}
	return version, nil
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9_-]|\.[A-Za-z0-9_-])*$`)

// checkName refuses what could not be both a file and part of a reference.
func checkName(what, name string) error {
	if len(name) > 100 || !nameForm.MatchString(name) || strings.HasSuffix(name, ".lock") {
		return fmt.Errorf("%s %q: must be letters, digits, - and _", what, name)
	}
	return nil
}

// A place is where the things of a run lie.
type place struct{ dir string }

func (s *Store) place(run string) place { return place{filepath.Join(s.dir, "runs", run)} }

func (p place) base() string            { return filepath.Join(p.dir, "base.json") }
func (p place) repo() string            { return filepath.Join(p.dir, "repo.git") }
func (p place) trees() string           { return filepath.Join(p.dir, "trees") }
func (p place) tree(name string) string { return filepath.Join(p.dir, "trees", name) }

// keyed is a set of locks by name whose waiters can give up.
type keyed struct {
	mu    sync.Mutex
	locks map[string]*keyLock
}

type keyLock struct {
	token chan struct{}
	users int
}

// lock waits for the lock of that name and returns what gives it back.
func (k *keyed) lock(ctx context.Context, name string) (unlock func(), err error) {
	k.mu.Lock()
	if k.locks == nil {
		k.locks = map[string]*keyLock{}
	}
	l := k.locks[name]
	if l == nil {
		l = &keyLock{token: make(chan struct{}, 1)}
		k.locks[name] = l
	}
	l.users++
	k.mu.Unlock()
	leave := func() {
		k.mu.Lock()
		if l.users--; l.users == 0 {
			delete(k.locks, name)
		}
		k.mu.Unlock()
	}
	select {
	case l.token <- struct{}{}:
		return func() { <-l.token; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, context.Cause(ctx)
	}
}

// lockFile waits for the lock that processes share, and returns what gives it
// back. The kernel gives it back when a process dies.
func lockFile(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			f.Close()
			return nil, context.Cause(ctx)
		}
	}
}
