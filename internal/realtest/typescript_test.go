package realtest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"autonoma/internal/model/script"
)

// The TypeScript client is made from the document that is served, and works with a
// server that serves it.
func TestTypeScript(t *testing.T) {
	const client = "../../client/typescript"
	dir := filepath.Join(scratch(t), "client", "typescript")
	for _, part := range []string{"package.json", "package-lock.json", "tsconfig.json", "src", "test"} {
		copyTree(t, filepath.Join(client, part), filepath.Join(dir, part))
	}
	document := filepath.Join(dir, "../../api/openapi.yaml")
	copyTree(t, "../../api/openapi.yaml", document)
	packageClient(t, dir, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	run := func(env []string, args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "npm", append([]string{"run", "--silent"}, args...)...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("npm run %v: %v\n%s", args, err, out)
		}
	}
	run(nil, "generate")
	made, err := os.ReadFile(filepath.Join(dir, "src/schema.ts"))
	if err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile(filepath.Join(client, "src/schema.ts"))
	if err != nil || !bytes.Equal(made, kept) {
		t.Errorf("src/schema.ts is not made from the document: run npm run generate in client/typescript (%v)", err)
	}
	root := scratch(t)
	s := start(t, root, []script.Conversation{{Turns: []script.Turn{
		{Calls: []script.Call{{Name: "bash", Args: map[string]any{"command": "echo hello world > greeting.txt"}}}},
		{Calls: []script.Call{{Name: "finish", Args: map[string]any{"summary": "Spelt it right.", "confidence": 1}}}},
	}}})
	run([]string{"AUTONOMA_URL=" + s.BaseURL, "AUTONOMA_KEY=" + s.Key, "AUTONOMA_SOURCE=" + repository(t, root, "greeting")}, "test")
}

// copyTree copies a file, or a directory with all that is in it.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	info, err := os.Stat(from)
	if err != nil {
		t.Fatal(err)
	}
	if !info.IsDir() {
		b, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		write(t, to, string(b))
		return
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}
