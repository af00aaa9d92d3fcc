using System.Net;

namespace PointSystem.Tests.Infrastructure;

/// <summary>Creates members over HTTP.</summary>
internal static class MemberExtensions
{
    /// <summary>A new member with one lot of that many points.</summary>
    public static async Task<long> CreateMemberAsync(this PointsClient client, long points)
    {
        var member = PointsClient.NewMember();
        (await client.AccumulateAsync(member, points)).Expect(HttpStatusCode.Created);
        return member;
    }

    /// <summary>New members, each with one lot of that many points.</summary>
    public static async Task<long[]> CreateMembersAsync(this PointsClient client, int count, long points)
    {
        var members = new long[count];
        for (var i = 0; i < count; i++)
        {
            members[i] = await client.CreateMemberAsync(points);
        }

        return members;
    }
}
