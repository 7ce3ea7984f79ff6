package wire

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
)

// An Event is one event of a server that streams.
type Event struct {
	Name string // "" if it has none
	Data []byte // valid until the next event
}

// Bounds of a stream. The largest events that providers send repeat a whole
// answer in one line.
const (
	maxEvent  = 16 << 20
	maxStream = 256 << 20
)

// errTooBig says that a server sent more than any model can say.
var errTooBig = errors.New("the server sent more than a model can say")

// Events reads a text/event-stream as the HTML standard defines it: lines end
// in CR, LF or both, several data lines are joined by LF, comments and fields
// that are not needed here are skipped, and an event that the stream's end cuts
// off is dropped. A failure to read is yielded once, as the last thing; a clean
// end yields nothing.
func Events(r io.Reader) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		lines := bufio.NewScanner(io.LimitReader(r, maxStream))
		lines.Buffer(make([]byte, 0, 4096), maxEvent)
		lines.Split(splitLines())
		var e Event
		var hasData, first = false, true
		for lines.Scan() {
			line := lines.Bytes()
			if first {
				line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
				first = false
			}
			if len(line) == 0 {
				if hasData && !yield(e, nil) {
					return
				}
				e, hasData = Event{Data: e.Data[:0]}, false
				continue
			}
			field, value, _ := bytes.Cut(line, []byte(":"))
			value = bytes.TrimPrefix(value, []byte(" "))
			switch string(field) {
			case "event":
				e.Name = string(value)
			case "data":
				if hasData {
					e.Data = append(e.Data, '\n')
				}
				e.Data = append(e.Data, value...)
				hasData = true
			}
			if len(e.Data) > maxEvent {
				yield(Event{}, errTooBig)
				return
			}
		}
		if err := lines.Err(); err != nil {
			if errors.Is(err, bufio.ErrTooLong) {
				err = errTooBig
			}
			yield(Event{}, fmt.Errorf("read stream: %w", err))
		}
	}
}

// splitLines splits at CR, LF and CR LF. A CR ends its line at once, without
// waiting to see whether an LF follows, for that may be a long wait: an LF
// right after it is skipped when it comes. What follows the last line end is no
// line.
func splitLines() bufio.SplitFunc {
	afterCR := false
	return func(data []byte, atEOF bool) (advance int, token []byte, err error) {
		skip := 0
		if afterCR && len(data) > 0 {
			afterCR = false
			if data[0] == '\n' {
				skip = 1
			}
		}
		i := bytes.IndexAny(data[skip:], "\r\n")
		if i < 0 {
			if atEOF {
				return len(data), nil, nil
			}
			return skip, nil, nil
		}
		i += skip
		afterCR = data[i] == '\r'
		return i + 1, data[skip:i:i], nil
	}
}
