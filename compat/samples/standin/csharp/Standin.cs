// Ours, in the shape of the vendor's C# clients that cannot be had here: ../../README.md.
// Nothing is sent: what a sample gives to a client is written down in hex, and the answer
// is always the same.

using System;
using System.Collections.Generic;
using System.Text;

namespace Standin
{
    internal static class Seen
    {
        private static string Hex(string text)
        {
            return BitConverter.ToString(new UTF8Encoding(false, true).GetBytes(text)).Replace("-", "").ToLowerInvariant();
        }

        public static void Write(string name, object value)
        {
            if (value != null)
            {
                Console.Error.WriteLine("seen " + Hex(name) + " " + Hex(value.ToString()));
            }
        }

        public static void Members(string prefix, object model)
        {
            foreach (var member in model.GetType().GetProperties())
            {
                Write(prefix + "." + char.ToLowerInvariant(member.Name[0]) + member.Name.Substring(1), member.GetValue(model, null));
            }
        }
    }
}

namespace AlibabaCloud.TeaUtil
{
    public static class Common
    {
        public static string ToJSONString(object value)
        {
            var members = new List<string>();
            foreach (var member in (Dictionary<string, object>)value)
            {
                members.Add("\"" + member.Key + "\":\"" + member.Value + "\"");
            }
            return "{" + string.Join(",", members) + "}";
        }
    }
}

namespace AlibabaCloud.TeaUtil.Models
{
    public class RuntimeOptions
    {
    }
}

namespace AlibabaCloud.OpenApiClient.Models
{
    public class Config
    {
        public string AccessKeyId { get; set; }
        public string AccessKeySecret { get; set; }
        public string Protocol { get; set; }
        public string Endpoint { get; set; }
    }

    public class Params
    {
        public string Action { get; set; }
        public string Version { get; set; }
        public string Protocol { get; set; }
        public string Pathname { get; set; }
        public string Method { get; set; }
        public string AuthType { get; set; }
        public string BodyType { get; set; }
        public string ReqBodyType { get; set; }
        public string Style { get; set; }
    }

    public class OpenApiRequest
    {
        public Dictionary<string, string> Query { get; set; }
    }
}

namespace AlibabaCloud.OpenApiClient
{
    using AlibabaCloud.OpenApiClient.Models;

    public class Client
    {
        public Client(Config config)
        {
            Standin.Seen.Members("config", config);
        }

        public Dictionary<string, object> CallApi(Params params_, OpenApiRequest request, AlibabaCloud.TeaUtil.Models.RuntimeOptions runtime)
        {
            Standin.Seen.Members("params", params_);
            foreach (var parameter in request.Query)
            {
                Standin.Seen.Write("query." + parameter.Key, parameter.Value);
            }
            return new Dictionary<string, object>
            {
                { "headers", new Dictionary<string, string>() },
                { "statusCode", 200 },
                { "body", new Dictionary<string, object> { { "RequestId", "stand-in" } } },
            };
        }
    }
}

namespace AlibabaCloud.SDK.Cams20200606.Models
{
    public class GetChatappPhoneNumberMetricRequest
    {
        public string CustSpaceId { get; set; }
        public long? End { get; set; }
        public string Granularity { get; set; }
        public string IsvCode { get; set; }
        public string PhoneNumber { get; set; }
        public long? Start { get; set; }
    }

    public class GetChatappPhoneNumberMetricResponse
    {
        public GetChatappPhoneNumberMetricResponseBody Body { get; set; }
    }

    public class GetChatappPhoneNumberMetricResponseBody
    {
        public List<GetChatappPhoneNumberMetricResponseBodyData> Data { get; set; }

        public class GetChatappPhoneNumberMetricResponseBodyData
        {
            public int? DeliveredCount { get; set; }
            public string PhoneNumber { get; set; }
            public int? SentCount { get; set; }
            public long? Start { get; set; }
        }
    }
}

namespace AlibabaCloud.SDK.Cams20200606
{
    using AlibabaCloud.SDK.Cams20200606.Models;
    using Row = AlibabaCloud.SDK.Cams20200606.Models.GetChatappPhoneNumberMetricResponseBody.GetChatappPhoneNumberMetricResponseBodyData;

    public class Client : AlibabaCloud.OpenApiClient.Client
    {
        public Client(AlibabaCloud.OpenApiClient.Models.Config config) : base(config)
        {
        }

        public GetChatappPhoneNumberMetricResponse GetChatappPhoneNumberMetric(GetChatappPhoneNumberMetricRequest request)
        {
            Standin.Seen.Members("request", request);
            var rows = new List<Row>();
            if (Environment.GetEnvironmentVariable("STANDIN_ROWS") != "none")
            {
                rows.Add(new Row { Start = 1693107714687, PhoneNumber = "15550100101", SentCount = 3, DeliveredCount = 2 });
                rows.Add(new Row { Start = 1693194114687, PhoneNumber = "15550100102", SentCount = 1, DeliveredCount = 0 });
            }
            return new GetChatappPhoneNumberMetricResponse { Body = new GetChatappPhoneNumberMetricResponseBody { Data = rows } };
        }
    }
}
