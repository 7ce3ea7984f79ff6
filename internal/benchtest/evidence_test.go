package benchtest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"autonoma"
	"autonoma/internal/blob"
	"autonoma/internal/evidence"
	"autonoma/internal/sandbox"
	"autonoma/internal/secret"
	"autonoma/internal/store"
	"autonoma/internal/testlog"
	"autonoma/internal/workspace/workspacetest"
)

// BenchmarkEvidence is what evidence costs beyond the commands that it is about: the
// versions of the tools, in the sandbox, the digest and the tests of what two commands
// print, a megabyte each, the trees of both commits, and the signed record. The bare
// operation is the same programs without us, and the digest alone.
func BenchmarkEvidence(b *testing.B) {
	box, _, err := sandbox.Open(b.Context(), sandbox.Auto)
	if err != nil {
		lacking(b, "%v", err)
	}
	repo, dir := repository(b, 20), b.TempDir()
	spaces := workspacetest.Store(b)
	base := workspacetest.Prepare(b, spaces, workspacetest.Run, repo)
	files := must(spaces.Workspace(b.Context(), workspacetest.Run, "main", base.Commit))(b)
	defer files.Close()
	db := must(store.Open(b.Context(), filepath.Join(dir, "autonoma.db")))(b)
	defer db.Close()
	secrets := must(secret.Open(filepath.Join(dir, "secret.key"), db))(b)
	blobs := must(blob.Open(filepath.Join(dir, "blobs")))(b)
	versions := equip(b, box, sandbox.Command{Argv: []string{"bash", "-c", "go version"}, Workspace: files.Dir()})
	printed := bytes.Repeat([]byte("=== RUN   TestThing\n--- PASS: TestThing (0.00s)\n"), 1<<20/49)

	proof := func() {
		if exit, err := box.Run(b.Context(), versions); err != nil || !exit.OK() {
			b.Fatal(exit, err)
		}
		r := evidence.Record{Run: "task_a1b2c3d4e5f6", Status: autonoma.Verified, Gates: []autonoma.Gate{}}
		for range 2 {
			sum, log := sha256.New(), new(testlog.Log)
			for at := 0; at < len(printed); at += 32 << 10 { // as it comes out of a pipe
				_, _ = io.MultiWriter(sum, log).Write(printed[at:min(at+32<<10, len(printed))])
			}
			r.Commands = append(r.Commands, evidence.Command{Command: "go test -v ./...", Head: evidence.Outcome{
				Output: evidence.Printed{SHA256: fmt.Sprintf("%x", sum.Sum(nil)), Bytes: int64(len(printed))}, Tests: log.Tests(),
			}})
		}
		for _, s := range []*evidence.State{&r.Base, &r.Head} {
			*s = evidence.State{Commit: base.Commit, Tree: must(spaces.Tree(b.Context(), workspacetest.Run, base.Commit))(b)}
		}
		sealed := must(evidence.Sign(must(secrets.Signer(b.Context()))(b), r))(b)
		if _, _, err := blobs.Put(func(w io.Writer) error { _, err := w.Write(sealed); return err }); err != nil {
			b.Fatal(err)
		}
	}
	floor := func() {
		if err := exec.CommandContext(b.Context(), "go", "version").Run(); err != nil {
			b.Fatal(err)
		}
		for range 2 {
			_ = sha256.Sum256(printed)
			workspacetest.Git(b, repo, "rev-parse", "HEAD^{tree}")
		}
	}
	all := sample(b, func() pair { return pair{ours: took(proof), bare: took(floor)} })
	report(b, "evidence of a result, beyond its commands", median(ours(all)), median(bare(all)), 300*time.Millisecond)
}
