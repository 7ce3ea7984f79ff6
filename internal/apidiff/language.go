package apidiff

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// unexported are directories whose files are for the project alone.
var unexported = []string{"internal", "vendor", "node_modules", "testdata", "test", "tests", "__tests__", "spec", "examples", "example", "benches", "migrations", "fixtures"}

var testFile = regexp.MustCompile(`(?:_test\.go|^test_.*\.py|_test\.py|^conftest\.py|^setup\.py|\.(?:test|spec|stories|config|e2e)\.[cm]?[jt]sx?|Tests?\.(?:java|kt)|^build\.rs|^main\.rs)$`)

// languageOf returns how a file is read, nil if nobody else can depend on it.
func languageOf(p string) *language {
	base, ext := path.Base(p), path.Ext(p)
	if document(base, ext) {
		return &language{exports: openAPI}
	}
	for part := range strings.SplitSeq(path.Dir(p), "/") {
		if slices.Contains(unexported, part) {
			return nil
		}
	}
	if testFile.MatchString(base) {
		return nil
	}
	switch ext {
	case ".go":
		return &language{byDirectory: true, exports: goExports}
	case ".java":
		return &language{byDirectory: true, exports: javaExports}
	case ".kt":
		return &language{byDirectory: true, exports: kotlinExports}
	case ".rs":
		return &language{exports: rustExports}
	case ".py":
		if strings.HasPrefix(base, "_") && base != "__init__.py" {
			return nil
		}
		return &language{exports: pythonExports}
	case ".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx":
		return &language{exports: scriptExports}
	}
	return nil
}

// document reports whether a file is by its name an OpenAPI document.
func document(base, ext string) bool {
	base = strings.ToLower(base)
	return (ext == ".yaml" || ext == ".yml" || ext == ".json") && (strings.Contains(base, "openapi") || strings.Contains(base, "swagger"))
}
