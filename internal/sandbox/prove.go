package sandbox

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"autonoma/internal/reclaim"
	"autonoma/internal/sandbox/stage"
)

// proofs is how many claims a prover makes.
const proofs = 11

// proveLevel starts s once, with our own program as the command, which tries
// what it must not be able to do. What the level does not claim is tried as well,
// and reported as a defence that is not promised.
func proveLevel(ctx context.Context, s Sandbox, unclaimed ...string) ([]Check, error) {
	ctx, cancel := context.WithTimeout(ctx, proofTime)
	defer cancel()
	bait, err := newBait(ctx)
	if err != nil {
		return nil, fmt.Errorf("prepare the proof: %w", err)
	}
	defer bait.close()
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("prepare the proof: %w", err)
	}
	prover := "/run/autonoma-prover"
	if !MapsPaths(s) {
		prover = exe
	}
	var out, trouble bytes.Buffer
	e, err := s.Run(ctx, Command{
		Argv:      []string{prover},
		Workspace: bait.workspace,
		Env:       bait.env(),
		Mounts:    []Mount{{Source: exe, Target: prover}},
		Stdout:    &out,
		Stderr:    &trouble,
	})
	if err != nil {
		return nil, fmt.Errorf("%w%s", err, indented(trouble.String()))
	}
	checks := parseProofs(out.String())
	if !e.OK() || len(checks) != proofs {
		return checks, fmt.Errorf("the proof ended early, with code %d %s after %d of %d claims%s", e.Code, e.Reason, len(checks), proofs, indented(trouble.String()))
	}
	for i := range checks {
		checks[i].Optional = slices.Contains(unclaimed, checks[i].Name)
	}
	return append(checks, bait.owned()), nil
}

// landlocked reports on the second wall. Where the kernel offers it, a command
// is not run without it.
func landlocked() Check {
	abi := stage.LandlockABI()
	if abi == 0 {
		return Check{Name: "landlock", Optional: true, Detail: "the kernel does not offer it: mounts alone guard the files; boot with lsm=landlock,…"}
	}
	return Check{Name: "landlock", OK: true, Optional: true, Detail: fmt.Sprintf("ABI %d", abi)}
}

// indented returns what a program said about its failure, to follow an error.
func indented(said string) string {
	if said = strings.TrimSpace(said); said == "" {
		return ""
	}
	return ": " + said
}

func parseProofs(out string) []Check {
	var checks []Check
	for line := range strings.Lines(out) {
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), "\t", 3)
		if len(f) == 3 {
			checks = append(checks, Check{Name: f[0], OK: f[1] == "yes", Detail: f[2]})
		}
	}
	return checks
}

// A bait is what a command must not get at.
type bait struct {
	dir, workspace, secret string
	name                   string
	tcp, abstract          net.Listener
}

func newBait(ctx context.Context) (b *bait, err error) {
	b = &bait{name: "autonoma-" + rand.Text()}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	if b.dir, err = scratchDir(); err != nil {
		return b, err
	}
	b.workspace, b.secret = filepath.Join(b.dir, "workspace"), filepath.Join(b.dir, "secret")
	if err = os.Mkdir(b.workspace, 0o700); err != nil {
		return b, err
	}
	if err = os.WriteFile(b.secret, []byte("secret"), 0o644); err != nil {
		return b, err
	}
	if b.tcp, err = new(net.ListenConfig).Listen(ctx, "tcp4", "127.0.0.1:0"); err != nil {
		return b, err
	}
	b.abstract, err = new(net.ListenConfig).Listen(ctx, "unix", "@"+b.name)
	return b, err
}

func (b *bait) env() []string {
	pids, _ := os.Readlink("/proc/self/ns/pid")
	return []string{
		stage.Marker + "=" + stage.Prover,
		stage.ProveSecret + "=" + b.secret,
		stage.ProvePort + "=" + strconv.Itoa(b.tcp.Addr().(*net.TCPAddr).Port),
		stage.ProveAbstract + "=" + b.name,
		stage.ProvePIDs + "=" + pids,
		stage.ProveServer + "=" + strconv.Itoa(os.Getpid()),
		"GOMAXPROCS=1", "GOGC=off",
	}
}

// owned checks that what a command writes belongs to the server.
func (b *bait) owned() Check {
	c := Check{Name: "files written belong to the server"}
	fi, err := os.Stat(filepath.Join(b.workspace, stage.ProofFile))
	if err != nil {
		c.Detail = err.Error()
		return c
	}
	uid, ok := owner(fi)
	c.OK, c.Detail = ok && uid == os.Geteuid(), fmt.Sprintf("user %d", uid)
	return c
}

func (b *bait) close() {
	if b.tcp != nil {
		b.tcp.Close()
	}
	if b.abstract != nil {
		b.abstract.Close()
	}
	if b.dir != "" {
		_ = reclaim.RemoveAll(b.dir)
	}
}
