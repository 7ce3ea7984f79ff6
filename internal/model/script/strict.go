package script

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
)

// strict decodes b into v and refuses fields that v does not have.
func strict(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("the body holds more than one value")
	}
	return nil
}

// strictExcept does the same, but lets pass the top-level fields named in also.
func strictExcept(b []byte, v any, also []string) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(b, &fields); err != nil {
		return fmt.Errorf("the body is not a JSON object: %w", err)
	}
	maps.DeleteFunc(fields, func(name string, _ json.RawMessage) bool { return slices.Contains(also, name) })
	rest, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	if err := strict(rest, v); err != nil {
		return fmt.Errorf("the body does not fit the protocol: %w", err)
	}
	return nil
}
