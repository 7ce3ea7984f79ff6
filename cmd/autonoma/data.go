package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// errBusy reports that another process works on a data directory.
var errBusy = errors.New("another autonoma works on this data directory; stop it, or choose another directory with --data")

// lockData makes the data directory, if need be, and takes it for this process
// alone. The lock is gone when the process is, however it ends.
func lockData(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("data directory %s can be read by others: chmod 700 it, or choose another", dir)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	for try := 0; errors.Is(err, syscall.EWOULDBLOCK) && try < 10; try++ {
		time.Sleep(50 * time.Millisecond) // short commands hold it for a moment
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	}
	if err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s: %w", dir, errBusy)
		}
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	return f, nil
}

// credentials say how to reach the server of a data directory, and with which key.
// The file is readable by its owner alone.
type credentials struct {
	URL string `json:"url,omitempty"` // of the server that runs, or ran last
	Key string `json:"key"`
}

func credentialsFile(dir string) string { return filepath.Join(dir, "credentials.json") }

// readCredentials returns the credentials of a data directory; none if there are none.
func readCredentials(dir string) (credentials, error) {
	var c credentials
	b, err := os.ReadFile(credentialsFile(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err != nil {
		return c, fmt.Errorf("credentials: %w", err)
	}
	return c, nil
}

// write keeps the credentials; a reader sees the old ones or the new.
func (c credentials) write(dir string) error {
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	tmp := credentialsFile(dir) + ".tmp"
	if err := os.WriteFile(tmp, append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("credentials: %w", err)
	}
	return os.Rename(tmp, credentialsFile(dir))
}
