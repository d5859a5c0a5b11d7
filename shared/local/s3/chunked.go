package s3

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// content is the body of a request as it was meant: SDKs that sign or sum as they send divide it in chunks
// (https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html). Signatures and sums are not checked.
func content(r *http.Request) io.Reader {
	if strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") || strings.Contains(r.Header.Get("Content-Encoding"), "aws-chunked") {
		return &chunks{r: bufio.NewReader(r.Body)}
	}
	return r.Body
}

// chunks reads "<size in hex>[;extensions]\r\n<data>\r\n" up to a chunk of size 0; what follows are trailers.
type chunks struct {
	r    *bufio.Reader
	left int64
	over bool
}

var errChunk = errors.New("the body is not divided in chunks as it says")

func (c *chunks) Read(p []byte) (int, error) {
	if c.left == 0 && !c.over {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return 0, errChunk
		}
		size, _, _ := strings.Cut(strings.TrimSpace(line), ";")
		if c.left, err = strconv.ParseInt(size, 16, 64); err != nil || c.left < 0 {
			return 0, errChunk
		}
		c.over = c.left == 0
	}
	if c.over {
		return 0, io.EOF
	}
	n, err := c.r.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	if err == nil && c.left == 0 {
		_, err = c.r.ReadString('\n')
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
