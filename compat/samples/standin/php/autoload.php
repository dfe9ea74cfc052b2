<?php

// Ours, in the shape of the vendor's PHP clients that cannot be had here: ../../README.md.
// A sample loads this file where Composer's would be. Nothing is sent: what a sample gives
// to a client is written down in hex, and the answer is always the same.

namespace Standin {
    // A warning is a mistake of the sample.
    set_error_handler(function ($severity, $message, $file, $line) {
        throw new \ErrorException($message, 0, $severity, $file, $line);
    });

    function seen($name, $value)
    {
        if ($value !== null) {
            fwrite(STDERR, 'seen ' . bin2hex($name) . ' ' . bin2hex((string) $value) . "\n");
        }
    }

    abstract class Model
    {
        public function __construct($config = [])
        {
            foreach ($config as $name => $value) {
                if (!property_exists($this, $name)) {
                    throw new \LogicException(static::class . " has no `$name`");
                }
                $this->$name = $value;
            }
        }

        public function seen($prefix)
        {
            foreach (get_object_vars($this) as $name => $value) {
                seen("$prefix.$name", $value);
            }
        }
    }
}

namespace AlibabaCloud\Dara\Models {
    class RuntimeOptions extends \Standin\Model
    {
    }
}

namespace Darabonba\OpenApi\Models {
    class Config extends \Standin\Model
    {
        public $accessKeyId;
        public $accessKeySecret;
        public $protocol;
        public $endpoint;
    }

    class Params extends \Standin\Model
    {
        public $action;
        public $version;
        public $protocol;
        public $pathname;
        public $method;
        public $authType;
        public $style;
        public $reqBodyType;
        public $bodyType;
    }

    class OpenApiRequest extends \Standin\Model
    {
        public $query;
    }
}

namespace Darabonba\OpenApi {
    class OpenApiClient
    {
        public function __construct(Models\Config $config)
        {
            $config->seen('config');
        }

        public function callApi(Models\Params $params, Models\OpenApiRequest $request, \AlibabaCloud\Dara\Models\RuntimeOptions $runtime)
        {
            $params->seen('params');
            foreach ($request->query as $name => $value) {
                \Standin\seen("query.$name", $value);
            }

            return ['headers' => [], 'statusCode' => 200, 'body' => ['RequestId' => 'stand-in']];
        }
    }
}

namespace AlibabaCloud\SDK\Cams\V20200606\Models {
    class GetChatappPhoneNumberMetricRequest extends \Standin\Model
    {
        public $custSpaceId;
        public $end;
        public $granularity;
        public $isvCode;
        public $phoneNumber;
        public $start;
    }

    class GetChatappPhoneNumberMetricResponse extends \Standin\Model
    {
        public $body;
    }

    class GetChatappPhoneNumberMetricResponseBody extends \Standin\Model
    {
        public $data;
    }
}

namespace AlibabaCloud\SDK\Cams\V20200606\Models\GetChatappPhoneNumberMetricResponseBody {
    class data extends \Standin\Model
    {
        public $deliveredCount;
        public $phoneNumber;
        public $sentCount;
        public $start;
    }
}

namespace AlibabaCloud\SDK\Cams\V20200606 {
    use AlibabaCloud\SDK\Cams\V20200606\Models\GetChatappPhoneNumberMetricRequest;
    use AlibabaCloud\SDK\Cams\V20200606\Models\GetChatappPhoneNumberMetricResponse;
    use AlibabaCloud\SDK\Cams\V20200606\Models\GetChatappPhoneNumberMetricResponseBody;
    use AlibabaCloud\SDK\Cams\V20200606\Models\GetChatappPhoneNumberMetricResponseBody\data;

    class Cams extends \Darabonba\OpenApi\OpenApiClient
    {
        public function getChatappPhoneNumberMetric(GetChatappPhoneNumberMetricRequest $request)
        {
            $request->seen('request');
            $rows = [
                new data(['start' => 1693107714687, 'phoneNumber' => '15550100101', 'sentCount' => 3, 'deliveredCount' => 2]),
                new data(['start' => 1693194114687, 'phoneNumber' => '15550100102', 'sentCount' => 1, 'deliveredCount' => 0]),
            ];
            // An empty list is null, as the vendor's models read it.
            $none = getenv('STANDIN_ROWS') === 'none';
            $body = new GetChatappPhoneNumberMetricResponseBody(['data' => $none ? null : $rows]);

            return new GetChatappPhoneNumberMetricResponse(['body' => $body]);
        }
    }
}
