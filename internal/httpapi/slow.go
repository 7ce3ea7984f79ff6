package httpapi

import (
	"net/http"
	"time"
)

// stall is how long a reader may take none of what is sent.
const stall = 30 * time.Second

// slow writes answers that take as long as they take. The limits that a server
// sets for whole answers do not hold for it; instead, whoever stops reading is
// dropped.
type slow struct {
	w   http.ResponseWriter
	out *http.ResponseController
}

// newSlow makes the answer a slow one. Where there is no connection, as in a
// test, there is nothing to lift.
func newSlow(w http.ResponseWriter) *slow {
	out := http.NewResponseController(w)
	_ = out.SetReadDeadline(time.Time{}) // or else the request is cancelled when it passes
	return &slow{w, out}
}

// Write implements [io.Writer].
func (s *slow) Write(p []byte) (int, error) {
	_ = s.out.SetWriteDeadline(time.Now().Add(stall))
	return s.w.Write(p)
}

// send writes p and sees that it leaves at once.
func (s *slow) send(p []byte) error {
	if _, err := s.Write(p); err != nil {
		return err
	}
	return s.out.Flush()
}
