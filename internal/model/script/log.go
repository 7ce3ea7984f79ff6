package script

import (
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"time"
)

// An Entry tells of one request.
type Entry struct {
	Time     time.Time `json:"time"`
	Path     string    `json:"path"`
	Status   int       `json:"status"`
	Key      string    `json:"key,omitempty"` // see [Key]; of requests that were understood
	Agent    string    `json:"agent,omitempty"`
	Phase    string    `json:"phase,omitempty"`
	Turn     int       `json:"turn"`
	Response string    `json:"response,omitempty"` // the id of the answer
	Sent     bool      `json:"sent"`               // the whole answer was handed to the network
	Failure  string    `json:"failure,omitempty"`  // that the script wanted
	Refusal  string    `json:"refusal,omitempty"`  // because a rule was broken
}

// journal keeps the entries in the order in which requests came.
type journal struct {
	mu      sync.Mutex
	entries []Entry
}

func (j *journal) add(e Entry) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	e.Time = time.Now()
	j.entries = append(j.entries, e)
	return len(j.entries) - 1
}

// deliver sends the end of an answer and notes that it was sent. Nobody reads the
// log in between, so that whoever has heard an answer finds it there.
func (j *journal) deliver(n int, send func() error) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	err := send()
	j.entries[n].Sent = err == nil
	return err
}

func (j *journal) status(n, status int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries[n].Status, j.entries[n].Response = status, ""
}

func (j *journal) all() []Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.entries)
}

// serve writes one entry a line.
func (j *journal) serve(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	e := json.NewEncoder(w)
	for _, entry := range j.all() {
		if e.Encode(entry) != nil {
			return
		}
	}
}
