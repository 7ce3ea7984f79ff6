package sandbox

import (
	"context"
	"os"
	"testing"
)

func TestMain(m *testing.M) { Init(); os.Exit(m.Run()) }

func TestSmoke(t *testing.T) {
	s, r, err := Open(context.Background(), "namespaces")
	t.Logf("%+v %v", r, err)
	if err != nil {
		t.Fatal(err)
	}
	e, err := s.Run(context.Background(), Command{Argv: []string{"sh", "-c", "id; cat /proc/self/uid_map; pwd; ls -la / /dev /workspace; touch x; cat /proc/self/status | grep -E 'Cap|Sec|NoNew'; mount; echo $PATH; cat /proc/1/environ; ls -la /proc/1/; ps ax"}, Workspace: t.TempDir(), Stdout: os.Stdout, Stderr: os.Stderr})
	t.Logf("%+v %v", e, err)
}
