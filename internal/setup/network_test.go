package setup

import (
	"os"
	"path/filepath"
	"testing"
)

// Set-up gets the operator's settings of package clients, and none of the secrets
// among them.
func TestClientFile(t *testing.T) {
	home := t.TempDir()
	const npmrc = "registry=https://npm.example.com/\n" +
		"//npm.example.com/:_authToken=npm_secret\n" +
		"_password=c2VjcmV0\n" +
		"proxy=http://me:secret@proxy.example.com\n" +
		"cafile=/etc/ssl/ca.pem\n"
	if err := os.WriteFile(filepath.Join(home, ".npmrc"), []byte(npmrc), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := clientFiles[0].read(home)
	if want := "registry=https://npm.example.com/\ncafile=/etc/ssl/ca.pem\n"; err != nil || got != want {
		t.Errorf("set-up gets %q, %v", got, err)
	}
	if got, err := clientFiles[2].read(home); got != "" || err != nil {
		t.Errorf("what is not there is %q, %v", got, err)
	}
}
