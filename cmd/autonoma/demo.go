package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"autonoma"
	"autonoma/api"
	"autonoma/client"
	"autonoma/internal/model/script"
)

//go:embed demo
var demoFiles embed.FS

// demoTask is what the demonstration asks for.
const demoTask = `The test of package slug fails: Make("Hello, World!") should be "hello-world". Fix it.`

func (w world) demoCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "demo",
		Short: "Show a whole run on a small repository, with a scripted model: needs Go and git",
		Args:  exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := w.configure(c.Flags())
			if err != nil {
				return err
			}
			return w.demo(c.Context(), cfg)
		},
	}
	addFlags(c.Flags(), "sandbox", "logLevel")
	return c
}

// demo makes a repository with a failing test and has it mended, by the same code
// that serves everybody.
func (w world) demo(ctx context.Context, cfg *config) error {
	dir, err := os.MkdirTemp("", "autonoma-demo-")
	if err != nil {
		return err
	}
	repo := filepath.Join(dir, "slug")
	if err := makeRepository(ctx, repo); err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	text, err := demoFiles.ReadFile("demo/script.yaml")
	if err != nil {
		return err
	}
	cfg.Data, cfg.SourceRoots = filepath.Join(dir, "data"), []string{repo}
	cfg.Model, cfg.Models.Model = "script", "script"
	cfg.MCP = nil // it needs nothing from elsewhere
	if cfg.Models.Script, err = script.Parse(text); err != nil {
		return err
	}
	fmt.Fprintf(w.Stdout, "A repository with a failing test: %s\nThe task: %s\n\n", repo, demoTask)
	err = w.withServer(ctx, cfg, nil, func(ctx context.Context, c *client.Client) error {
		return w.watch(ctx, w.person(c, false), api.CreateTask{
			Task: demoTask, Capabilities: []autonoma.Capability{autonoma.Build}, Source: repo,
		}, false)
	})
	if err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	if err := w.showDiff(ctx, repo); err != nil {
		return err
	}
	// The repository stays to be looked at; what made it does not.
	if err := os.RemoveAll(cfg.Data); err != nil {
		return err
	}
	fmt.Fprintf(w.Stdout, `
The model of this demonstration was a script; the repository, the sandbox, the
commands, the journal and the verification were real. To give a task of your own
to a real model, set ANTHROPIC_API_KEY, OPENAI_API_KEY or GEMINI_API_KEY, or start
Ollama, and in your repository run

    autonoma run "what is to be done"

The result of the demonstration is a branch in %s.
`, repo)
	return nil
}

// showDiff prints what the delivered branch changes.
func (w world) showDiff(ctx context.Context, repo string) error {
	branch, err := gitIn(ctx, repo, "for-each-ref", "--format=%(refname:short)", "refs/heads/autonoma/")
	if err != nil {
		return err
	}
	diff, err := gitIn(ctx, repo, "diff", "HEAD.."+strings.TrimSpace(branch))
	if err != nil {
		return err
	}
	fmt.Fprintf(w.Stdout, "\n%s", diff)
	return nil
}

// makeRepository writes the files of the demonstration and commits them. Their
// names end in .txt here, lest they pass for code of this module.
func makeRepository(ctx context.Context, dir string) error {
	const from = "demo/repo"
	files, err := fs.ReadDir(demoFiles, from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, f := range files {
		b, err := demoFiles.ReadFile(path.Join(from, f.Name()))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, strings.TrimSuffix(f.Name(), ".txt")), b, 0o644); err != nil {
			return err
		}
	}
	for _, args := range [][]string{
		{"init", "--quiet", "--initial-branch=main"},
		{"add", "--all"},
		{"-c", "user.name=Demo", "-c", "user.email=demo@autonoma.invalid", "commit", "--quiet", "--no-gpg-sign", "-m", "A package with a failing test"},
	} {
		if _, err := gitIn(ctx, dir, args...); err != nil {
			return err
		}
	}
	return nil
}

// gitIn runs git in a directory of ours.
func gitIn(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_PAGER=cat")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, out)
	}
	return string(out), nil
}
