package store

import (
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"fmt"
)

// asJSON writes v as JSON text, and a nil pointer as null.
func asJSON(v any) driver.Valuer { return jsonValue{v: v} }

// asJSON does the same with what somebody wrote, without what must not be kept.
func (t *Tx) asJSON(v any) driver.Valuer { return jsonValue{v, t.clean} }

// fromJSON scans JSON text, or null, into the value v points to.
func fromJSON(v any) sql.Scanner { return jsonValue{v: v} }

type jsonValue struct {
	v     any
	clean func(doc []byte) []byte
}

// Value implements [driver.Valuer].
func (j jsonValue) Value() (driver.Value, error) {
	b, err := json.Marshal(j.v)
	if err != nil || string(b) == "null" {
		return nil, err
	}
	if j.clean != nil {
		b = j.clean(b)
	}
	return string(b), nil
}

// Scan implements [sql.Scanner].
func (j jsonValue) Scan(v any) error {
	switch text := v.(type) {
	case nil:
		return nil
	case string:
		return json.Unmarshal([]byte(text), j.v)
	default:
		return fmt.Errorf("JSON is a %T", v)
	}
}
