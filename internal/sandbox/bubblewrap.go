package sandbox

import (
	"context"
	"errors"
)

func openBubblewrap(ctx context.Context) (Sandbox, []Check, error) { return nil, nil, errors.New("x") }
