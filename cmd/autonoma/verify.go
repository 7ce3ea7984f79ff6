package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"autonoma"
	"autonoma/internal/evidence"
	"autonoma/internal/rigor"
	"autonoma/internal/sandbox"
	"autonoma/internal/setup"
	"autonoma/internal/workspace"
)

// A verification is what somebody wants to know of evidence.
type verification struct {
	what  string   // a file, or a run
	keys  []string // files
	repo  string
	rerun bool
}

func (w world) verifyCommand() *cobra.Command {
	var v verification
	c := &cobra.Command{
		Use:   "verify FILE|TASK",
		Short: "Check the signed evidence of a task: the signature, the repository, and the commands again",
		Long: `Check the signed evidence of a task, which is in a file or is looked up by the
task's identifier.

Whose signature counts is said by --key: files with public keys, as the signer
publishes them at /v1/evidence/keys. Without --key, they are those of the server
that AUTONOMA_URL and AUTONOMA_KEY name, or else those of the local data directory.

The exit code is 0 only if the signature is good, the result was verified, and no
gate failed that blocks; with --repo, if the commit and all its files are there too
and the branch has not moved on; with --rerun, if the commands come to the same when
they are run again.`,
		Args: exactly(1, "one file or task"),
		RunE: func(c *cobra.Command, args []string) error {
			v.what = args[0]
			if v.rerun && v.repo == "" {
				return usageError{errors.New("--rerun wants --repo, the repository to run the commands in a checkout of"), c.CommandPath()}
			}
			cfg, err := w.configure(c.Flags())
			if err != nil {
				return err
			}
			return w.verify(c.Context(), cfg, v)
		},
	}
	c.Flags().StringArrayVar(&v.keys, "key", nil, "file with public keys in PEM, one of which must have signed (repeat for several)")
	c.Flags().StringVar(&v.repo, "repo", "", "repository that should hold the commit")
	c.Flags().BoolVar(&v.rerun, "rerun", false, "run the commands again, in clean checkouts, and compare")
	addFlags(c.Flags(), "data", "sandbox", "minLevel", "setupNetwork", "privateHosts")
	return c
}

// verify prints what is proven, line by line, and fails unless all of it is.
func (w world) verify(ctx context.Context, cfg *config, v verification) error {
	signed, err := w.readEvidence(ctx, cfg, v)
	if err != nil {
		return err
	}
	r := report{out: w.Stdout}
	r.record(signed)
	if v.repo != "" {
		if err := w.verifyIn(ctx, cfg, &r, signed.Record, v); err != nil {
			return err
		}
	}
	if len(r.faults) > 0 {
		r.line("not proven", "%s", strings.Join(r.faults, "; "))
		return errTold
	}
	r.line("proven", "all of the above")
	return nil
}

// readEvidence finds the evidence and the keys, and checks the signature.
func (w world) readEvidence(ctx context.Context, cfg *config, v verification) (evidence.Signed, error) {
	from := w.proofs(cfg)
	run := autonoma.RunID(v.what)
	sealed, err := readEnvelope(v.what)
	isFile := !errors.Is(err, os.ErrNotExist)
	if !isFile {
		if !run.Valid() {
			return evidence.Signed{}, fmt.Errorf("%s is neither a file nor the identifier of a task", v.what)
		}
		if sealed, err = from.evidence(ctx, run); errors.Is(err, autonoma.ErrNotFound) {
			err = fmt.Errorf("there is no evidence of %s to be seen here: %w", run, err)
		}
	}
	if err != nil {
		return evidence.Signed{}, err
	}
	var keys []ed25519.PublicKey
	if len(v.keys) > 0 {
		keys, err = readKeys(v.keys)
	} else {
		keys, err = from.keys(ctx)
	}
	if err != nil {
		return evidence.Signed{}, err
	}
	signed, err := evidence.Open(sealed, keys)
	if err == nil && !isFile && signed.Run != run {
		err = fmt.Errorf("%w: it is about %s", evidence.ErrRefused, signed.Run)
	}
	return signed, err
}

func readEnvelope(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, evidence.MaxEnvelope+1))
}

func readKeys(files []string) ([]ed25519.PublicKey, error) {
	var keys []ed25519.PublicKey
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("--key: %w", err)
		}
		some, err := evidence.ParseKeys(text)
		if err != nil {
			return nil, fmt.Errorf("--key %s: %w", file, err)
		}
		keys = append(keys, some...)
	}
	return keys, nil
}

// verifyIn compares a record with a repository.
func (w world) verifyIn(ctx context.Context, cfg *config, r *report, record evidence.Record, v verification) error {
	dir, err := filepath.Abs(v.repo)
	if err != nil {
		return err
	}
	dir = repository(dir)
	anywhere := []string{"/"} // it is the user's own word where the repository keeps its parts
	src, err := workspace.Resolve(ctx, dir, anywhere)
	if err != nil {
		return fmt.Errorf("--repo: %w", err)
	}
	temp, err := os.MkdirTemp("", "autonoma-verify-")
	if err != nil {
		return err
	}
	defer discard(temp)
	spaces, err := workspace.Open(filepath.Join(temp, "workspaces"), workspace.Options{})
	if err != nil {
		return err
	}
	tree, err := spaces.TreeIn(ctx, src, record.Head.Commit)
	if err != nil {
		return fmt.Errorf("--repo: %w", err)
	}
	at, err := spaces.BranchIn(ctx, src, record.Branch)
	if err != nil {
		return fmt.Errorf("--repo: %w", err)
	}
	if !r.repository(dir, record, tree, at) {
		return nil
	}
	// Git believes what lies in a repository; only a copy shows whether it is what its name says.
	if _, err := spaces.Prepare(ctx, string(record.Run), src, record.Head.Commit); err != nil {
		r.fault("repository", "what it has of the commit is not whole: %v", err)
		return nil
	}
	if !v.rerun {
		return nil
	}
	if len(record.Commands) == 0 {
		r.fault("rerun", "the record has no commands to run again")
		return nil
	}
	engine, err := w.engine(ctx, cfg, spaces, temp)
	if err != nil {
		return err
	}
	engine.Roots = anywhere
	again := rigor.Rerun{Source: dir, Base: record.Base.Commit, Head: record.Head.Commit, Setup: record.Setup}
	for _, c := range record.Commands {
		again.Commands = append(again.Commands, c.Command)
	}
	reran, err := engine.Again(ctx, again)
	if err != nil {
		return fmt.Errorf("--rerun: %w", err)
	}
	r.rerun(record, reran, string(engine.Box.Level()))
	return nil
}

// engine returns what runs commands again, and keeps what it needs in a directory. It
// has no model.
func (w world) engine(ctx context.Context, cfg *config, spaces *workspace.Store, dir string) (*rigor.Engine, error) {
	box, proof, err := sandbox.OpenAtLeast(ctx, cfg.Sandbox, cfg.MinLevel)
	if err != nil {
		return nil, fmt.Errorf("commands cannot be confined here: %w; run autonoma doctor", err)
	}
	if err := cfg.tooWeak(box.Level(), ""); err != nil {
		return nil, err
	}
	policy, err := openPolicy(cfg)
	if err != nil {
		return nil, err
	}
	tools, env := sandbox.Toolchains(w.Getenv)
	installer := setup.New(filepath.Join(dir, "setup"), box, tools, env, w.Getenv)
	if _, err := w.openNetwork(cfg, installer); err != nil {
		return nil, err
	}
	return &rigor.Engine{Policy: policy, Workspaces: spaces, Box: box, Proof: proof, Installer: installer}, nil
}

// discard removes a directory in which set-up may have left some that nobody may
// write, as Go's module cache is.
func discard(dir string) {
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			return os.Chmod(path, 0o700)
		}
		return nil
	})
	_ = os.RemoveAll(dir) // a temporary directory that stays is no fault of the evidence
}
