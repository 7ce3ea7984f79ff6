package workspace

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// A git starts git programs. All calls of this package go through run, so what
// its environment and arguments rule out cannot happen anywhere.
type git struct {
	program string
	home    string   // empty, so that no file in it configures anything
	network []string // environment of calls that reach the network
}

// A call is one start of git.
type call struct {
	gitDir   string // a repository of ours or a view made by us; always needed
	workTree string
	index    string
	args     []string
	stdin    io.Reader
	stdout   io.Writer     // nil: collected up to limit and returned
	limit    int64         // of collected output; 0: 64 MiB
	within   time.Duration // which it has to answer; 0: as long as ctx lasts. Needed wherever a stranger's files or server decide
	remote   string        // the URL that is reached; empty: none, or a repository on this machine
	access   Access        // there
	allow    string        // transports that may be used, as in "file" or "https:ssh"; empty: none
	env      []string
}

// safe is configuration that overrides whatever a repository says. Our own
// repositories say nothing of the kind; this is the second lock on the door.
var safe = []string{
	"core.hooksPath=/dev/null", "core.fsmonitor=false", "core.alternateRefsCommand=",
	"core.attributesFile=/dev/null", "core.excludesFile=/dev/null", "core.pager=cat", "core.editor=:",
	"core.askPass=", "core.autocrlf=false", "core.symlinks=true", "core.fileMode=true", "core.quotePath=false",
	"core.protectHFS=true", "core.protectNTFS=true", "core.commitGraph=false", "core.multiPackIndex=false", "core.logAllRefUpdates=false",
	"credential.helper=", "diff.external=", "diff.renameLimit=2000", "gc.auto=0", "maintenance.auto=false",
	"protocol.ext.allow=never", "protocol.http.allow=never", "protocol.git.allow=never",
	"submodule.recurse=false", "fetch.recurseSubmodules=false", "push.recurseSubmodules=no",
	"fetch.writeCommitGraph=false", "transfer.credentialsInUrl=die", "transfer.bundleURI=false",
	"http.followRedirects=false", "http.sslVerify=true", "push.followTags=false", "commit.gpgSign=false", "log.showSignature=false",
	"color.ui=false", "advice.detachedHead=false",
}

// run starts git and waits for its end. A done context kills git and all its
// children.
func (g *git) run(ctx context.Context, c call) ([]byte, error) {
	if c.within > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, c.within, fmt.Errorf("%w within %v", ErrSlow, c.within))
		defer cancel()
	}
	argv := make([]string, 0, 2*len(safe)+len(c.args)+2)
	for _, setting := range safe {
		argv = append(argv, "-c", setting)
	}
	reach, who := reaching(c.remote, c.access)
	argv = append(argv, reach...)
	argv = append(argv, "--no-pager", "--git-dir="+c.gitDir)
	if c.workTree != "" {
		argv = append(argv, "--work-tree="+c.workTree)
	}
	cmd := exec.CommandContext(ctx, g.program, append(argv, c.args...)...)
	cmd.Dir = g.home
	if c.workTree != "" {
		cmd.Dir = c.workTree
	}
	cmd.Env = append(g.environment(c), who...)
	cmd.Stdin = c.stdin
	kept := &bounded{limit: cmp.Or(c.limit, 64<<20)}
	cmd.Stdout = kept
	if c.stdout != nil {
		cmd.Stdout = c.stdout
	}
	complaint := &bounded{limit: 8 << 10, quiet: true}
	cmd.Stderr = complaint
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	// The death signal is tied to the thread that started the process.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("git %s: %w", c.args[0], context.Cause(ctx))
	case errors.Is(kept.err, ErrTooLarge):
		return nil, fmt.Errorf("git %s: its output is %w", c.args[0], ErrTooLarge)
	case err != nil:
		return nil, &gitError{command: c.args[0], err: err, text: complaint.text()}
	}
	return kept.buf.Bytes(), nil
}

func (g *git) environment(c call) []string {
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + g.home, "XDG_CONFIG_HOME=" + g.home, "LC_ALL=C", "TZ=UTC",
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_ATTR_NOSYSTEM=1",
		"GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=", "GIT_PAGER=cat", "GIT_EDITOR=:", "GIT_OPTIONAL_LOCKS=0",
		"GIT_NO_REPLACE_OBJECTS=1", "GIT_NO_LAZY_FETCH=1", "GIT_CEILING_DIRECTORIES=/",
		"GIT_ALLOW_PROTOCOL=" + cmp.Or(c.allow, "none"),
	}
	if c.index != "" {
		env = append(env, "GIT_INDEX_FILE="+c.index)
	}
	if strings.Contains(c.allow, "https") {
		for _, setting := range g.network {
			if c.access.Own || !strings.HasPrefix(setting, "SSH_AUTH_SOCK=") {
				env = append(env, setting)
			}
		}
	}
	return append(env, c.env...)
}

// line is run for calls that answer in one line.
func (g *git) line(ctx context.Context, c call) (string, error) {
	out, err := g.run(ctx, c)
	return strings.TrimSpace(string(out)), err
}

// A gitError is a git program that failed. Its text is bounded and printable.
type gitError struct {
	command string
	err     error
	text    string
}

func (e *gitError) Error() string { return fmt.Sprintf("git %s: %v: %s", e.command, e.err, e.text) }
func (e *gitError) Unwrap() error { return e.err }

// A bounded keeps what is written to it up to a limit. Beyond it, it fails the
// writer, or if quiet, swallows the rest.
type bounded struct {
	buf   bytes.Buffer
	limit int64
	quiet bool
	err   error
}

func (b *bounded) Write(p []byte) (int, error) {
	room := b.limit - int64(b.buf.Len())
	if int64(len(p)) <= room {
		return b.buf.Write(p)
	}
	b.buf.Write(p[:max(room, 0)])
	b.err = ErrTooLarge
	if b.quiet {
		return len(p), nil
	}
	return 0, ErrTooLarge
}

// text returns what was kept, fit to be shown: a repository chose parts of it.
func (b *bounded) text() string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r == 0x7f {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(strings.TrimSpace(b.buf.String()), "?"))
}
